//! Whether tokens go on with a statement, and what that does to it.
//!
//! Not a grammar of SQL: it only knows that operands and operators take turns. English breaks that rule within two words, SQL never
//! does, and that is the difference between "it's over; select one" and `' OR 1=1`.

use super::{
    lex::{Lexer, Token},
    seen::{Rest, Seen, Start, Tail},
    statement::{conditional, leads, needs_no_semicolon},
    words::Word,
};

/// The most tokens looked at: whoever changes a statement does it soon after the quote that was closed.
const TOKENS_MAX: usize = 400;

/// Reads on from a place in a text.
pub(super) fn read(lexer: Lexer<'_>, start: Start) -> Seen {
    let mut machine = Machine::new(lexer, start);
    while machine.seen.tail == Tail::Broken && machine.seen.tokens < TOKENS_MAX {
        if machine.step().is_none() {
            break;
        }
    }
    machine.close_term();
    machine.seen.balanced = machine.depth <= 0;
    machine.seen.end = machine.lexer.at;
    machine.seen
}

/// One side of a boolean word.
#[derive(Debug, Clone, Copy, Default)]
struct Term {
    constants: u8,
    compared: bool,
    /// Anything that is not the same for every row.
    varies: bool,
    /// It stands behind a boolean word or begins a clause.
    joined: bool,
    /// The brackets that were open where it began.
    depth: i32,
}

/// Which list of a SELECT the tokens are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    None,
    Union,
    Sub,
    Stacked,
}

struct Machine<'a> {
    lexer: Lexer<'a>,
    wants_operand: bool,
    previous: Token,
    term: Term,
    list: List,
    depth: i32,
    between: u8,
    in_case: bool,
    /// A quote was left, or a number stands first: no sentence begins here.
    left: bool,
    seen: Seen,
}

impl<'a> Machine<'a> {
    fn new(lexer: Lexer<'a>, start: Start) -> Self {
        let seen = Seen::at(lexer.at);
        let (wants_operand, previous) = match start {
            Start::Operand => (false, Token::Text),
            Start::Nothing => (true, Token::Comma),
        };
        Self {
            lexer,
            wants_operand,
            previous,
            term: Term::default(),
            list: List::None,
            depth: 0,
            between: 0,
            in_case: false,
            left: start == Start::Operand,
            seen,
        }
    }

    /// Takes one token; `None` where no dialect goes on.
    fn step(&mut self) -> Option<()> {
        let token = self.lexer.next();
        self.seen.tokens += 1;
        self.left |= self.seen.number_first;
        if self.seen.tokens == 1 || (self.seen.tokens == 2 && self.previous == Token::Sign) {
            self.seen.number_first = matches!(token, Token::Number | Token::Close | Token::Text);
        }
        let taken = match token {
            Token::End | Token::Comment | Token::Semicolon | Token::OpenText(..) => self.finish(token),
            _ if self.wants_operand => self.operand(token),
            _ => self.operator(token),
        };
        self.previous = token;
        taken
    }

    fn finish(&mut self, token: Token) -> Option<()> {
        let empty_select = matches!(self.previous, Token::Star);
        match token {
            Token::OpenText(_, digit) => {
                let adjacent = matches!(self.previous, Token::Text | Token::OpenText(..));
                if !self.wants_operand && !adjacent && self.list == List::None {
                    return None;
                }
                // `"union select"` is a quotation; `union select 'x` has a space.
                if !matches!(self.previous, Token::Word(Word::Set | Word::Select)) || self.lexer.spaced {
                    self.strong_list();
                }
                self.wants_operand = false;
                self.term.constants = self.term.constants.saturating_add(1);
                self.seen.tail = Tail::Open(digit);
            }
            _ if self.wants_operand && !empty_select => return None,
            Token::Comment => self.seen.tail = Tail::Comment(Rest::of(self.lexer.after())),
            Token::Semicolon => return self.statement(),
            _ => self.seen.tail = Tail::Whole,
        }
        Some(())
    }

    /// A token where an operand is wanted.
    fn operand(&mut self, token: Token) -> Option<()> {
        match token {
            Token::Number | Token::Text => self.constant(),
            Token::Variable | Token::Quoted => self.operand_that_varies(true),
            Token::Star => {
                if !matches!(self.lexer.clone().next(), Token::End | Token::OpenText(..)) {
                    self.strong_list();
                }
                self.wants_operand = false;
            }
            Token::Open => self.depth += 1,
            Token::Close if self.previous == Token::Open || self.seen.tokens == 1 => self.close(),
            Token::Sign => {}
            Token::Word(word) => return self.operand_word(word),
            _ => return None,
        }
        Some(())
    }

    fn operand_word(&mut self, word: Word) -> Option<()> {
        match word {
            Word::Constant => self.constant(),
            Word::Not | Word::Prefix => {}
            Word::Select => return self.select(),
            Word::Case => self.in_case = true,
            // No app puts a value where a statement begins.
            Word::Statement if self.seen.tokens == 1 && self.lexer.after().first() != Some(&b'(') => return None,
            Word::Branch => self.term.joined = true,
            Word::By if matches!(self.previous, Token::Word(Word::Order)) => {}
            Word::Danger | Word::Probe => self.function(word),
            Word::System => {
                self.seen.system = true;
                self.operand_that_varies(true);
            }
            Word::Secret => self.operand_that_varies(true),
            Word::Compare if self.previous == Token::Word(Word::Compare) => {}
            // The value may stand behind a whole condition, and go on with it.
            Word::Set | Word::Bool | Word::Order | Word::Clause if self.seen.tokens == 1 => return self.operator_word(word),
            Word::Set | Word::Bool | Word::From | Word::Order | Word::Into | Word::Clause => return None,
            _ => self.operand_that_varies(false),
        }
        Some(())
    }

    /// A token after an operand.
    fn operator(&mut self, token: Token) -> Option<()> {
        match token {
            Token::Compare => self.compare(),
            Token::Operator | Token::Sign | Token::Star => self.join(),
            Token::Double(b'&') => self.boolean(),
            Token::Double(_) => {
                self.seen.operator = true;
                self.boolean_or_join();
            }
            Token::Open => return self.call(),
            Token::Close => self.close(),
            Token::Comma => self.comma(),
            Token::Dot => self.wants_operand = true,
            Token::Word(word) => return self.operator_word(word),
            Token::Text | Token::Quoted | Token::Variable | Token::Number => return self.juxtaposed(token),
            _ => return None,
        }
        Some(())
    }

    fn operator_word(&mut self, word: Word) -> Option<()> {
        match word {
            Word::Bool if self.between > 0 => {
                self.between -= 1;
                self.wants_operand = true;
            }
            Word::Bool => self.boolean(),
            Word::Compare => self.compare(),
            Word::Between => {
                self.between = self.between.saturating_add(1);
                self.compare();
            }
            Word::Operator => self.join(),
            Word::Not | Word::Direction | Word::End => {}
            Word::Set => return self.union(),
            Word::Branch => {
                self.close_term();
                self.term.joined = true;
                self.seen.case = self.in_case;
                self.wants_operand = true;
            }
            Word::Order => return self.order(),
            Word::Clause => self.clause(),
            Word::Into => return self.into(),
            Word::From => return self.from(),
            Word::As => self.wants_operand = true,
            // SQL Server wants no semicolon.
            Word::Statement if self.list == List::None && self.left && needs_no_semicolon(self.lexer.clone()) => {
                return self.other_statement();
            }
            _ => return self.juxtaposed(Token::Word(word)),
        }
        Some(())
    }

    /// Two operands side by side: an alias in a list of a SELECT, adjacent strings, a typed literal; else no SQL.
    fn juxtaposed(&mut self, token: Token) -> Option<()> {
        let strings = self.previous == Token::Text && token == Token::Text;
        let typed = matches!(self.previous, Token::Word(_)) && token == Token::Text && introduces(self.lexer.spelled());
        let alias = self.list != List::None && !matches!(token, Token::Number) && !matches!(self.previous, Token::Comma);
        if !(strings || typed || alias) {
            return None;
        }
        if let Token::Word(Word::System) = token {
            self.seen.system = true;
        }
        // An alias is one word: a second is prose.
        (strings || typed || self.previous != Token::Word(Word::Name) || self.alias_allowed()).then_some(())
    }

    /// Whether one more word can be an alias: it is not followed by yet another plain word.
    fn alias_allowed(&self) -> bool {
        let mut ahead = self.lexer.clone();
        !matches!(ahead.next(), Token::Word(Word::Name | Word::Secret | Word::Probe | Word::Statement) | Token::Number)
    }

    fn constant(&mut self) {
        self.strong_list();
        self.term.constants = self.term.constants.saturating_add(1);
        self.wants_operand = false;
    }

    fn operand_that_varies(&mut self, strong: bool) {
        if strong {
            self.strong_list();
        }
        self.term.varies = true;
        self.wants_operand = false;
    }

    /// A word that is a function if a bracket follows, else a plain name.
    fn function(&mut self, word: Word) {
        let called = self.lexer.after().trim_ascii_start().first() == Some(&b'(');
        let spelled = self.lexer.spelled();
        let bare = spelled.eq_ignore_ascii_case(b"current_user") || spelled.contains(&b'.');
        if called || bare {
            self.seen.danger |= word == Word::Danger;
            self.seen.probe |= word == Word::Probe;
            self.strong_list();
        } else if word == Word::Danger && is_package(spelled) && self.lexer.after().first() == Some(&b'.') {
            self.seen.danger = true; // a package of Oracle
        }
        self.term.varies = true;
        self.wants_operand = false;
    }

    fn call(&mut self) -> Option<()> {
        if !matches!(self.previous, Token::Word(_) | Token::Quoted | Token::Variable) {
            return None;
        }
        self.seen.call = true;
        self.strong_list();
        self.depth += 1;
        self.wants_operand = true;
        Some(())
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.seen.unopened |= self.depth < 0;
        self.wants_operand = false;
        if self.depth < self.term.depth {
            self.close_term();
        }
    }

    fn comma(&mut self) {
        self.seen.comma |= self.depth <= 0;
        if self.previous != Token::Word(Word::Name) {
            self.strong_list();
        }
        self.wants_operand = true;
    }

    fn join(&mut self) {
        self.seen.operator = true;
        self.wants_operand = true;
    }

    fn compare(&mut self) {
        self.term.compared = true;
        self.seen.operator = true;
        self.wants_operand = true;
    }

    fn boolean(&mut self) {
        self.close_term();
        self.term.joined = true;
        self.term.depth = self.depth;
        self.seen.boolean = true;
        self.wants_operand = true;
    }

    /// `||` joins strings in most dialects and means OR in MySQL: `'||1=1#`.
    fn boolean_or_join(&mut self) {
        let boolean = self.seen.boolean;
        self.boolean();
        self.seen.boolean = boolean;
    }

    /// The end of one side of a boolean word: was it a comparison of constants?
    fn close_term(&mut self) {
        let term = std::mem::take(&mut self.term);
        if !term.joined {
            self.seen.first_compared |= term.compared;
            return;
        }
        self.seen.compared |= term.compared;
        self.seen.tautology |= term.compared && term.constants >= 2 && !term.varies;
        self.seen.truth |= !term.compared && term.constants >= 1 && !term.varies && !self.wants_operand;
    }

    fn clause(&mut self) {
        self.close_term();
        self.term.joined = true;
        self.seen.clause = true;
        self.wants_operand = true;
    }

    fn order(&mut self) -> Option<()> {
        let Token::Word(Word::By) = self.lexer.next() else { return None };
        self.clause();
        Some(())
    }

    fn into(&mut self) -> Option<()> {
        let next = self.lexer.next();
        let file = next == Token::Word(Word::System)
            && matches!(self.lexer.clone().next(), Token::Text | Token::OpenText(..) | Token::Number | Token::Variable);
        self.seen.outfile |= file;
        self.wants_operand = file;
        (file || next == Token::Variable).then_some(())
    }

    /// `FROM` belongs to a SELECT, or stands in `EXTRACT(x FROM y)`.
    fn from(&mut self) -> Option<()> {
        if self.list == List::None && self.depth <= 0 && !self.seen.union_words {
            return None;
        }
        self.wants_operand = true;
        Some(())
    }

    /// `UNION [ALL] [(] SELECT`.
    fn union(&mut self) -> Option<()> {
        let mut next = self.lexer.next();
        for _ in 0..8 {
            match next {
                Token::Word(Word::Prefix) | Token::Open => next = self.lexer.next(),
                _ => break,
            }
        }
        let values = self.lexer.spelled().eq_ignore_ascii_case(b"values");
        if next != Token::Word(Word::Select) && !values {
            return None;
        }
        self.close_term();
        self.seen.union_words = true;
        self.list = List::Union;
        self.wants_operand = !values;
        self.seen.union |= values;
        Some(())
    }

    /// `SELECT` where an operand is wanted: only behind a bracket.
    fn select(&mut self) -> Option<()> {
        if !matches!(self.previous, Token::Open | Token::Word(Word::Prefix)) {
            return None;
        }
        self.list = if self.list == List::Union { List::Union } else { List::Sub };
        self.term.varies = true;
        Some(())
    }

    /// Something that English does not have stands in the list of a SELECT.
    fn strong_list(&mut self) {
        match self.list {
            List::Union => self.seen.union = true,
            List::Sub => self.seen.subselect = true,
            List::Stacked => self.seen.stacked_sure = true,
            List::None => {}
        }
    }

    /// What follows a semicolon.
    fn statement(&mut self) -> Option<()> {
        self.close_term();
        match self.lexer.next() {
            Token::Word(Word::Select) => {
                self.seen.stacked = true;
                self.list = List::Stacked;
                self.wants_operand = true;
            }
            Token::Word(Word::Statement) => return self.other_statement(),
            Token::End => self.seen.tail = Tail::Semicolon,
            Token::Comment => self.seen.tail = Tail::Comment(Rest::of(self.lexer.after())),
            Token::Word(_) if self.lexer.spelled().eq_ignore_ascii_case(b"if") && conditional(self.lexer.clone()) => {
                self.seen.stacked = true;
                self.previous = Token::Word(Word::Name);
                self.wants_operand = true;
            }
            _ => return None,
        }
        Some(())
    }

    /// `DROP TABLE x` and its kin: the lead of the statement must be right, and then its end if it could be English.
    fn other_statement(&mut self) -> Option<()> {
        let lead = self.lexer.spelled();
        let next = self.lexer.next();
        let second = self.lexer.spelled();
        if !leads(lead, next, second, self.lexer.clone()) {
            return None;
        }
        self.seen.stacked = true;
        let mut words = 0;
        for _ in 0..TOKENS_MAX {
            match self.lexer.next() {
                Token::End | Token::Semicolon | Token::Comment | Token::OpenText(..) => {
                    self.seen.stacked_sure = true;
                    self.seen.tail = Tail::Whole;
                    return Some(());
                }
                // Three plain words in a row are prose.
                Token::Word(Word::Name) if words == 2 => return None,
                Token::Word(Word::Name) => words += 1,
                Token::Word(Word::Danger) => self.seen.danger = true,
                Token::Bad => return None,
                _ => words = 0,
            }
        }
        None
    }
}

/// A package of Oracle that waits or speaks to the network.
fn is_package(word: &[u8]) -> bool {
    let lower = word.to_ascii_lowercase();
    lower.starts_with(b"dbms_") || lower.starts_with(b"utl_") || lower == b"ctxsys"
}

/// What may stand before a string and belong to it: `DATE '…'`, `N'…'`, `_utf8'…'`.
fn introduces(word: &[u8]) -> bool {
    let lower = word.to_ascii_lowercase();
    lower.starts_with(b"_")
        || lower.len() == 1
        || matches!(lower.as_slice(), b"date" | b"time" | b"timestamp" | b"interval" | b"binary" | b"json")
}
