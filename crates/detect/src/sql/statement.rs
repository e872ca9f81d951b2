//! The statements attackers begin behind a semicolon, or without one, by their first words.

use super::{
    lex::{Lexer, Token},
    words::Word,
};

/// What attackers begin without a semicolon: `WAITFOR DELAY`, `EXEC xp_cmdshell`, `INSERT INTO t (`.
pub(super) fn needs_no_semicolon(mut lexer: Lexer<'_>) -> bool {
    // Code has statements right behind its quotes.
    let spaced = lexer.spaced;
    let lead = lexer.spelled().to_ascii_lowercase();
    let next = lexer.next();
    let second = lexer.spelled().to_ascii_lowercase();
    match lead.as_slice() {
        b"waitfor" => {
            matches!(second.as_slice(), b"delay" | b"time") && matches!(lexer.next(), Token::Text | Token::OpenText(..))
        }
        b"exec" | b"execute" => {
            matches!(next, Token::Word(_)) && (begins(&second, b"xp_") || begins(&second, b"sp_") || second == b"master")
        }
        b"insert" => spaced && second == b"into" && soon(lexer, &["values", "select"]),
        _ => false,
    }
}

/// `IF (1=1) WAITFOR …` of SQL Server.
pub(super) fn conditional(mut lexer: Lexer<'_>) -> bool {
    (0..24).any(|_| lexer.next() == Token::Word(Word::Statement))
}

/// Whether the first tokens of a statement fit together.
pub(super) fn leads(lead: &[u8], next: Token, second: &[u8], after: Lexer<'_>) -> bool {
    let is = |words: &[&str]| matches!(next, Token::Word(_)) && words.iter().any(|w| second.eq_ignore_ascii_case(w.as_bytes()));
    let object = ["table", "database", "schema", "view", "index", "user", "function", "trigger", "procedure", "role", "login"];
    let names = matches!(after.clone().next(), Token::Word(_) | Token::Quoted | Token::Text | Token::Variable);
    let then = |words: &[&str]| matches!(next, Token::Word(_) | Token::Quoted) && soon(after.clone(), words);
    match lead.to_ascii_lowercase().as_slice() {
        b"drop" | b"rename" => is(&object) && names,
        b"create" | b"alter" => {
            is(&object) || is(&["or", "temp", "temporary", "unique", "virtual", "extension", "alias", "system"])
        }
        b"insert" | b"merge" | b"replace" => is(&["into"]) && names,
        b"delete" => is(&["from"]) && names,
        b"truncate" => is(&["table"]) && names,
        b"waitfor" => is(&["delay", "time"]),
        b"shutdown" | b"begin" | b"reconfigure" | b"vacuum" => matches!(next, Token::End | Token::Semicolon | Token::Comment),
        b"exec" | b"execute" | b"declare" => {
            matches!(next, Token::Variable | Token::Open | Token::Text)
                || begins(second, b"xp_")
                || begins(second, b"sp_")
                || is(&["master", "immediate"])
        }
        b"attach" => next == Token::Text || is(&["database"]),
        b"load" => is(&["data"]),
        b"set" | b"do" => matches!(next, Token::Variable | Token::Word(Word::Danger) | Token::Text),
        b"update" => then(&["set"]),
        b"copy" => then(&["from", "to"]),
        b"grant" | b"revoke" => then(&["on", "to"]),
        b"with" => then(&["as"]),
        b"pragma" => then(&["="]) || then(&["("]),
        b"call" | b"handler" | b"dbcc" => then(&["("]),
        _ => false,
    }
}

/// Whether a word begins with these letters, in any case.
fn begins(word: &[u8], with: &[u8]) -> bool {
    word.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with))
}

/// Whether one of these words, or the sign, is among the next tokens.
fn soon(mut lexer: Lexer<'_>, words: &[&str]) -> bool {
    (0..6).any(|_| match lexer.next() {
        Token::Word(_) => words.iter().any(|w| lexer.spelled().eq_ignore_ascii_case(w.as_bytes())),
        Token::Compare => words.contains(&"="),
        Token::Open => words.contains(&"("),
        _ => false,
    })
}
