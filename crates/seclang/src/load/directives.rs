//! Directives, one after the other.

use super::draft::Draft;
use super::known::{KNOWN, WITHOUT_MEANING};
use crate::action::Action;
use crate::error::{Fault, LoadError, Place, nearest};
use crate::files::{Beside, Files};
use crate::names::Names;
use crate::operator::Operator;
use crate::parse::{self, Directive, Word, actions, operator, targets};
use crate::rule::Settings;
use regex_automata::meta::Regex;
use std::collections::HashMap;
use std::sync::Arc;

/// How deep files may include each other.
const DEPTH_MAX: usize = 8;

/// What has been read so far.
pub(super) struct Loader<'a> {
    pub(super) host: &'a dyn Files,
    pub(super) names: Names,
    pub(super) settings: Settings,
    pub(super) drafts: Vec<Draft>,
    /// Marks, each with the number of rules before it.
    pub(super) markers: Vec<(String, usize)>,
    pub(super) faults: Vec<LoadError>,
    taken: HashMap<u64, Place>,
    defaults: HashMap<u8, Arc<[Action]>>,
    open_chain: bool,
}

impl<'a> Loader<'a> {
    pub(super) fn new(host: &'a dyn Files) -> Self {
        Loader {
            host,
            names: Names::default(),
            settings: Settings::default(),
            drafts: Vec::new(),
            markers: Vec::new(),
            faults: Vec::new(),
            taken: HashMap::new(),
            defaults: HashMap::new(),
            open_chain: false,
        }
    }

    /// Reads one file and what it includes.
    pub(super) fn file(&mut self, name: &str, text: &str, depth: usize) {
        let (directives, faults) = parse::directives(name, text);
        self.faults.extend(faults);
        for directive in directives {
            let rules_before = self.drafts.len();
            if let Err(fault) = self.directive(&directive, name, depth) {
                let rule = guess_id(&directive).filter(|_| self.drafts.len() == rules_before);
                self.faults.push(LoadError { at: directive.name.at.clone(), rule, fault });
            }
        }
    }

    fn directive(&mut self, directive: &Directive, file: &str, depth: usize) -> Result<(), Fault> {
        let name = directive.name.text.to_ascii_lowercase();
        if std::mem::take(&mut self.open_chain) && name != "secrule" && name != "secaction" {
            return Err(Fault::OpenChain);
        }
        match name.as_str() {
            "secrule" => self.rule(directive, true),
            "secaction" => self.rule(directive, false),
            "secmarker" => {
                let marker = (one(directive)?.to_owned(), self.drafts.len());
                self.markers.push(marker);
                Ok(())
            }
            "secdefaultaction" => self.default_action(directive),
            "secruleremovebyid" => self.remove_by_id(directive),
            "secruleremovebytag" => self.remove_where(one(directive)?, |draft, found| draft.tags().any(|t| found.is_match(t))),
            "secruleremovebymsg" => {
                self.remove_where(one(directive)?, |draft, found| draft.msg().is_some_and(|m| found.is_match(m)))
            }
            "secruleupdatetargetbyid" => self.update_target_by_id(directive),
            "secruleupdatetargetbytag" => {
                self.update_target_where(directive, |draft, found| draft.tags().any(|t| found.is_match(t)))
            }
            "secruleupdatetargetbymsg" => {
                self.update_target_where(directive, |draft, found| draft.msg().is_some_and(|m| found.is_match(m)))
            }
            "secruleupdateactionbyid" => self.update_action(directive),
            "include" => self.include(directive, file, depth, false),
            "includeoptional" => self.include(directive, file, depth, true),
            _ if WITHOUT_MEANING.iter().any(|known| known.eq_ignore_ascii_case(&name)) => Ok(()),
            _ => self.setting(&name, directive),
        }
    }

    fn setting(&mut self, name: &str, directive: &Directive) -> Result<(), Fault> {
        let settings = &mut self.settings;
        match name {
            "secruleengine" => settings.engine = actions::switch(one(directive)?)?,
            "secrequestbodyaccess" => settings.request_body = actions::on(one(directive)?)?,
            "secresponsebodyaccess" => settings.response_body = actions::on(one(directive)?)?,
            "secrequestbodylimit" => settings.request_body_limit = count(directive)?,
            "secrequestbodynofileslimit" => settings.request_body_no_files_limit = count(directive)?,
            "secrequestbodylimitaction" => settings.request_body_reject = rejects(directive)?,
            "secresponsebodylimit" => settings.response_body_limit = count(directive)?,
            "secresponsebodylimitaction" => settings.response_body_reject = rejects(directive)?,
            "secresponsebodymimetype" => {
                settings.response_types.extend(directive.words.iter().map(|w| w.text.to_ascii_lowercase()))
            }
            "secresponsebodymimetypesclear" => settings.response_types.clear(),
            "secargumentslimit" => settings.arguments_limit = count(directive)?,
            "secrequestbodyjsondepthlimit" => settings.json_depth = count(directive)?,
            "secrulescript" | "secremoterules" => {
                return Err(Fault::Unsupported {
                    name: directive.name.text.clone(),
                    why: "rules run no programs and fetch nothing",
                });
            }
            _ => return Err(Fault::Directive { name: directive.name.text.clone(), near: nearest(name, KNOWN) }),
        }
        Ok(())
    }

    fn rule(&mut self, directive: &Directive, with_condition: bool) -> Result<(), Fault> {
        let (head, list) = match (with_condition, directive.words.as_slice()) {
            (true, [variables, condition]) => (Some((variables, condition)), None),
            (true, [variables, condition, list]) => (Some((variables, condition)), Some(list)),
            (false, [list]) => (None, Some(list)),
            (true, _) => return Err(wants(directive, "variables, a condition and a list of actions")),
            (false, _) => return Err(wants(directive, "one list of actions")),
        };
        let continues = self.drafts.last().is_some_and(|last| last.links.last().unwrap_or(last).goes_on());
        let actions = actions::actions(list.map_or("", |w| &w.text), &mut self.names)?;
        let id = actions.iter().find_map(|a| if let Action::Id(id) = a { Some(*id) } else { None });
        let mut draft = Draft {
            at: directive.name.at.clone(),
            id: id.unwrap_or(0),
            targets: head.map_or(Ok(Vec::new()), |(variables, _)| targets::targets(&variables.text))?,
            condition: head.map(|(_, condition)| operator::condition(&condition.text)),
            actions,
            links: Vec::new(),
            defaults: Arc::new([]),
        };
        self.open_chain = draft.goes_on();
        if continues {
            return self.link(draft);
        }
        self.take_id(id, &draft.at)?;
        draft.defaults = self.defaults.get(&draft.phase()).cloned().unwrap_or_else(|| Arc::new([]));
        self.drafts.push(draft);
        Ok(())
    }

    fn link(&mut self, mut draft: Draft) -> Result<(), Fault> {
        if let Some(alien) = draft.actions.iter().find_map(only_first) {
            return Err(Fault::InChain(alien.to_owned()));
        }
        if let Some(first) = self.drafts.last_mut() {
            draft.id = first.id;
            draft.defaults = first.defaults.clone();
            first.links.push(draft);
        }
        Ok(())
    }

    fn take_id(&mut self, id: Option<u64>, at: &Place) -> Result<(), Fault> {
        let id = id.ok_or(Fault::NoId)?;
        match self.taken.get(&id) {
            Some(first) => Err(Fault::TwiceId { first: first.clone() }),
            None => {
                self.taken.insert(id, at.clone());
                Ok(())
            }
        }
    }

    fn default_action(&mut self, directive: &Directive) -> Result<(), Fault> {
        let actions = actions::actions(one(directive)?, &mut self.names)?;
        let phase = actions.iter().find_map(|a| if let Action::Phase(p) = a { Some(*p) } else { None }).unwrap_or(2);
        self.defaults.insert(phase, actions.into());
        Ok(())
    }

    fn remove_by_id(&mut self, directive: &Directive) -> Result<(), Fault> {
        for word in &directive.words {
            let ids = actions::ids(&word.text)?;
            self.remove(|draft| within(draft.id, &ids));
        }
        Ok(())
    }

    fn remove_where(&mut self, pattern: &str, matches: fn(&Draft, &Regex) -> bool) -> Result<(), Fault> {
        let pattern = self::pattern(pattern)?;
        self.remove(|draft| matches(draft, &pattern));
        Ok(())
    }

    /// Takes rules out that ask for an operator which is deliberately not offered, or for more than linear time: they cannot be
    /// judged, the others can.
    pub(super) fn leave_out(&mut self) -> Vec<LoadError> {
        let mut left_out = Vec::new();
        for draft in &self.drafts {
            let conditions = std::iter::once(draft).chain(&draft.links).filter_map(|d| d.condition.as_ref());
            if let Some(why) = conditions.filter_map(|c| Operator::refused(&c.name, &c.argument)).next() {
                left_out.push(LoadError { at: draft.at.clone(), rule: Some(draft.id), fault: Fault::Operator(why.to_string()) });
            }
        }
        let ids: Vec<u64> = left_out.iter().filter_map(|fault| fault.rule).collect();
        self.remove(|draft| ids.contains(&draft.id));
        left_out
    }

    /// Takes rules away and moves the marks along.
    fn remove(&mut self, gone: impl Fn(&Draft) -> bool) {
        let goes: Vec<bool> = self.drafts.iter().map(gone).collect();
        for (_, position) in &mut self.markers {
            *position -= goes.iter().take(*position).filter(|g| **g).count();
        }
        let mut goes = goes.into_iter();
        self.drafts.retain(|_| !goes.next().unwrap_or(false));
    }

    /// `SecRuleUpdateTargetById ID[:LINK] TARGETS [INSTEAD-OF]`.
    fn update_target_by_id(&mut self, directive: &Directive) -> Result<(), Fault> {
        let (which, new, old) = update(directive)?;
        let (ids, link) = which.split_once(':').map_or((which, "0"), |(ids, link)| (ids, link));
        let link: usize = link.parse().map_err(|_| Fault::Value { what: "number of a link", value: link.to_owned() })?;
        let ids = actions::ids(ids)?;
        for draft in self.drafts.iter_mut().filter(|draft| within(draft.id, &ids)) {
            match link {
                0 => draft.update_targets(&new, old.as_deref()),
                n => draft.links.get_mut(n - 1).into_iter().for_each(|link| link.update_targets(&new, old.as_deref())),
            }
        }
        Ok(())
    }

    fn update_target_where(&mut self, directive: &Directive, matches: fn(&Draft, &Regex) -> bool) -> Result<(), Fault> {
        let (which, new, old) = update(directive)?;
        let pattern = self::pattern(which)?;
        for draft in self.drafts.iter_mut().filter(|draft| matches(draft, &pattern)) {
            draft.update_targets(&new, old.as_deref());
        }
        Ok(())
    }

    fn update_action(&mut self, directive: &Directive) -> Result<(), Fault> {
        let [which, list] = directive.words.as_slice() else {
            return Err(wants(directive, "the number of a rule and a list of actions"));
        };
        let ids = actions::ids(which.text.split(':').next().unwrap_or(""))?;
        let new = actions::actions(&list.text, &mut self.names)?;
        for draft in self.drafts.iter_mut().filter(|draft| within(draft.id, &ids)) {
            draft.update_actions(new.clone());
        }
        Ok(())
    }

    fn include(&mut self, directive: &Directive, file: &str, depth: usize, optional: bool) -> Result<(), Fault> {
        if depth >= DEPTH_MAX {
            return Err(Fault::Depth(DEPTH_MAX));
        }
        let path = one(directive)?;
        let beside = Beside::of(self.host, file);
        let missing = |why| Fault::File { path: path.to_owned(), why };
        let found = match beside.list(path) {
            Err(_) if optional => return Ok(()),
            found => found.map_err(missing)?,
        };
        for path in found {
            match self.host.read(&path) {
                Err(_) if optional => {}
                Err(why) => return Err(Fault::File { path, why }),
                Ok(content) => self.file(&path, &String::from_utf8_lossy(&content), depth + 1),
            }
        }
        Ok(())
    }
}

/// The id a faulty rule would have had.
fn guess_id(directive: &Directive) -> Option<u64> {
    let list = &directive.words.last()?.text;
    let after = list.split_once("id:")?.1;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The name of an action that only the first rule of a chain may have.
fn only_first(action: &Action) -> Option<&'static str> {
    Some(match action {
        Action::Id(_) => "id",
        Action::Phase(_) => "phase",
        Action::Deny => "deny",
        Action::Block => "block",
        Action::Drop => "drop",
        Action::Redirect(_) => "redirect",
        Action::Allow(_) => "allow",
        Action::SkipAfter(_) => "skipAfter",
        Action::Skip(_) => "skip",
        _ => return None,
    })
}

pub(super) fn within(id: u64, ids: &[(u64, u64)]) -> bool {
    ids.iter().any(|(from, to)| (*from..=*to).contains(&id))
}

/// A pattern over tags or messages.
pub(super) fn pattern(text: &str) -> Result<Regex, Fault> {
    Regex::new(text).map_err(|_| Fault::Value { what: "pattern", value: text.to_owned() })
}

fn one(directive: &Directive) -> Result<&str, Fault> {
    match directive.words.as_slice() {
        [Word { text, .. }] => Ok(text),
        _ => Err(wants(directive, "one argument")),
    }
}

fn count(directive: &Directive) -> Result<usize, Fault> {
    let text = one(directive)?;
    text.parse().map_err(|_| Fault::Value { what: "number", value: text.to_owned() })
}

fn rejects(directive: &Directive) -> Result<bool, Fault> {
    match one(directive)?.to_ascii_lowercase().as_str() {
        "reject" => Ok(true),
        "processpartial" => Ok(false),
        other => Err(Fault::Value { what: "limit action (`Reject` or `ProcessPartial`)", value: other.to_owned() }),
    }
}

type Update<'d> = (&'d str, Vec<targets::Written>, Option<Vec<targets::Written>>);

fn update(directive: &Directive) -> Result<Update<'_>, Fault> {
    match directive.words.as_slice() {
        [which, new] => Ok((&which.text, targets::targets(&new.text)?, None)),
        [which, new, old] => Ok((&which.text, targets::targets(&new.text)?, Some(targets::targets(&old.text)?))),
        _ => Err(wants(directive, "rules, variables and perhaps the variables they replace")),
    }
}

fn wants(directive: &Directive, wants: &'static str) -> Fault {
    Fault::Arguments { directive: directive.name.text.clone(), wants }
}
