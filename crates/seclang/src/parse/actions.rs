//! The actions of a rule: `id:1,phase:2,block,t:lowercase,setvar:'tx.score=+%{tx.critical}'`.

use crate::action::{Action, Ctl, Operation, Remove, SetVar, Switch};
use crate::error::{Fault, nearest};
use crate::names::{Names, Slot};
use crate::parse::targets;
use crate::template::Template;
use crate::transform::Transform;

/// Reads a whole list.
pub(crate) fn actions(text: &str, names: &mut Names) -> Result<Vec<Action>, Fault> {
    let mut read = Vec::new();
    for part in split(text).into_iter().filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once(':').map_or((part, None), |(name, value)| (name, Some(unquote(value))));
        read.push(action(name.trim(), value.as_deref(), names)?);
    }
    Ok(read)
}

/// Splits at commas that stand in no quotation marks.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            '\'' if !escaped => quoted = !quoted,
            ',' if !quoted => {
                parts.extend(text.get(start..at).map(str::trim));
                start = at + 1;
            }
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    parts.extend(text.get(start..).map(str::trim));
    parts
}

fn unquote(value: &str) -> String {
    let value = value.trim();
    match value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')) {
        Some(inner) => inner.replace("\\'", "'"),
        None => value.to_owned(),
    }
}

/// Actions that ask for something this engine does not do and whose absence weakens nothing.
const WITHOUT_EFFECT: &[&str] = &[
    "deprecatevar",
    "expirevar",
    "initcol",
    "pause",
    "sanitisearg",
    "sanitisematched",
    "sanitisematchedbytes",
    "sanitiserequestheader",
    "sanitiseresponseheader",
    "setenv",
    "setrsc",
    "setsid",
    "setuid",
    "xmlns",
];

const KNOWN: &[&str] = &[
    "accuracy",
    "allow",
    "auditlog",
    "block",
    "capture",
    "chain",
    "ctl",
    "deny",
    "drop",
    "id",
    "log",
    "logdata",
    "maturity",
    "msg",
    "multiMatch",
    "noauditlog",
    "nolog",
    "pass",
    "phase",
    "redirect",
    "rev",
    "setvar",
    "severity",
    "skip",
    "skipAfter",
    "status",
    "t",
    "tag",
    "ver",
    "initcol",
    "expirevar",
    "setenv",
    "setsid",
    "setuid",
];

fn action(name: &str, value: Option<&str>, names: &mut Names) -> Result<Action, Fault> {
    let lower = name.to_ascii_lowercase();
    let given = || value.ok_or_else(|| Fault::Arguments { directive: name.to_owned(), wants: "a value after a colon" });
    Ok(match lower.as_str() {
        "id" => Action::Id(number("number of a rule", given()?)?),
        "phase" => Action::Phase(phase(given()?)?),
        "msg" => Action::Msg(Template::parse(given()?, names)?),
        "logdata" => Action::LogData(Template::parse(given()?, names)?),
        "tag" => Action::Tag(given()?.to_owned()),
        "ver" => Action::Ver(given()?.to_owned()),
        "severity" => Action::Severity(severity(given()?)?),
        "rev" | "maturity" | "accuracy" => Action::Nothing,
        "block" => Action::Block,
        "deny" => Action::Deny,
        "drop" => Action::Drop,
        "pass" => Action::Pass,
        "allow" => Action::Allow(match value {
            None => crate::action::Reach::Exchange,
            Some("phase") => crate::action::Reach::Phase,
            Some("request") => crate::action::Reach::Request,
            Some(other) => return Err(Fault::Value { what: "reach of `allow` (`phase` or `request`)", value: other.to_owned() }),
        }),
        "redirect" => Action::Redirect(Template::parse(given()?, names)?),
        "status" => Action::Status(number("status code", given()?)?),
        "log" => Action::Log(true),
        "nolog" => Action::Log(false),
        "auditlog" | "noauditlog" => Action::Nothing,
        "chain" => Action::Chain,
        "skip" => Action::Skip(number("number of rules", given()?)?),
        "skipafter" => Action::SkipAfter(given()?.to_owned()),
        "capture" => Action::Capture,
        "multimatch" => Action::MultiMatch,
        "setvar" => set_var(given()?, names)?.map_or(Action::Nothing, Action::SetVar),
        "ctl" => ctl(given()?, names)?.map_or(Action::Nothing, Action::Ctl),
        "t" => transformation(given()?)?,
        "exec" | "append" | "prepend" | "proxy" => {
            return Err(Fault::Unsupported {
                name: name.to_owned(),
                why: "rules judge here; they run no programs and write no pages",
            });
        }
        _ if WITHOUT_EFFECT.contains(&lower.as_str()) => Action::Nothing,
        _ => return Err(Fault::Action { name: name.to_owned(), near: nearest(name, KNOWN) }),
    })
}

fn transformation(name: &str) -> Result<Action, Fault> {
    if name.eq_ignore_ascii_case("none") {
        return Ok(Action::NoTransform);
    }
    Transform::named(name).map(Action::Transform).ok_or_else(|| Fault::Transformation(name.to_owned()))
}

fn number<N: std::str::FromStr>(what: &'static str, text: &str) -> Result<N, Fault> {
    text.trim().parse().map_err(|_| Fault::Value { what, value: text.to_owned() })
}

fn phase(text: &str) -> Result<u8, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "1" => Ok(1),
        "2" | "request" => Ok(2),
        "3" => Ok(3),
        "4" | "response" => Ok(4),
        "5" | "logging" => Ok(5),
        _ => Err(Fault::Value { what: "phase (1 to 5)", value: text.to_owned() }),
    }
}

fn severity(text: &str) -> Result<u8, Fault> {
    const NAMES: [&str; 8] = ["EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"];
    let by_name = (0u8..).zip(NAMES).find(|(_, n)| n.eq_ignore_ascii_case(text)).map(|(number, _)| number);
    by_name
        .or_else(|| text.parse().ok().filter(|n| *n < 8))
        .ok_or_else(|| Fault::Value { what: "severity", value: text.to_owned() })
}

/// `tx.name=value`; None for collections that outlive an exchange, which are always empty here.
fn set_var(text: &str, names: &mut Names) -> Result<Option<SetVar>, Fault> {
    let (delete, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
    let (whole, value) = text.split_once('=').map_or((text, None), |(name, value)| (name.trim_end(), Some(value)));
    let (collection, name) =
        whole.split_once('.').ok_or_else(|| Fault::Value { what: "assignment (`tx.name=value`)", value: text.to_owned() })?;
    if !collection.trim().eq_ignore_ascii_case("tx") {
        let known = ["global", "ip", "resource", "session", "user", "env"].iter().any(|c| c.eq_ignore_ascii_case(collection));
        return if known {
            Ok(None)
        } else {
            Err(Fault::Value { what: "collection that can be written", value: collection.to_owned() })
        };
    }
    let (operation, value) = match value {
        _ if delete => (Operation::Delete, ""),
        None => (Operation::Set, "1"),
        Some(value) => match value.as_bytes().first() {
            Some(b'+') => (Operation::Add, value.get(1..).unwrap_or("")),
            Some(b'-') => (Operation::Subtract, value.get(1..).unwrap_or("")),
            _ => (Operation::Set, value),
        },
    };
    let name = Template::parse(name, names)?;
    let slot: Option<Slot> = name.constant().map(|constant| names.slot(constant));
    Ok(Some(SetVar { name, slot, operation, value: Template::parse(value, names)? }))
}

/// `ctl` settings of logs and of formats: nothing to do here.
const CTL_WITHOUT_EFFECT: &[&str] =
    &["auditengine", "auditlogparts", "debugloglevel", "hashengine", "hashenforcement", "parsexmlintoargs"];

fn ctl(text: &str, names: &mut Names) -> Result<Option<Ctl>, Fault> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| Fault::Arguments { directive: "ctl".into(), wants: "`ctl:SETTING=VALUE`" })?;
    let _ = names;
    Ok(Some(match name.trim().to_ascii_lowercase().as_str() {
        "ruleengine" => Ctl::RuleEngine(switch(value)?),
        "ruleremovebyid" => Ctl::Remove(Remove::Ids(ids(value)?)),
        "ruleremovebytag" => Ctl::Remove(Remove::Tag(value.to_owned())),
        "ruleremovebymsg" => Ctl::Remove(Remove::Msg(value.to_owned())),
        "ruleremovetargetbyid" => without_targets(value, |v| Ok(Remove::Ids(ids(v)?)))?,
        "ruleremovetargetbytag" => without_targets(value, |v| Ok(Remove::Tag(v.to_owned())))?,
        "ruleremovetargetbymsg" => without_targets(value, |v| Ok(Remove::Msg(v.to_owned())))?,
        "requestbodyprocessor" => Ctl::BodyProcessor(value.to_ascii_uppercase()),
        "forcerequestbodyvariable" => Ctl::ForceRequestBody(on(value)?),
        "requestbodyaccess" => Ctl::RequestBody(on(value)?),
        "responsebodyaccess" => Ctl::ResponseBody(on(value)?),
        "requestbodylimit" => Ctl::RequestBodyLimit(number("number of bytes", value)?),
        "responsebodylimit" => Ctl::ResponseBodyLimit(number("number of bytes", value)?),
        other if CTL_WITHOUT_EFFECT.contains(&other) => return Ok(None),
        _ => return Err(Fault::Value { what: "setting of `ctl`", value: name.to_owned() }),
    }))
}

fn without_targets(value: &str, rules: impl Fn(&str) -> Result<Remove, Fault>) -> Result<Ctl, Fault> {
    let (which, list) =
        value.split_once(';').ok_or_else(|| Fault::Arguments { directive: "ctl".into(), wants: "`RULES;VARIABLES`" })?;
    Ok(Ctl::RemoveTargets(rules(which)?, targets::targets(list)?))
}

/// Rule numbers: `1`, `1-5`, separated by commas or blanks.
pub(crate) fn ids(text: &str) -> Result<Vec<(u64, u64)>, Fault> {
    let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            Ok((number("number of a rule", from)?, number("number of a rule", to)?))
        })
        .collect()
}

pub(crate) fn on(text: &str) -> Result<bool, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(Fault::Value { what: "switch (`On` or `Off`)", value: text.to_owned() }),
    }
}

pub(crate) fn switch(text: &str) -> Result<Switch, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "on" => Ok(Switch::On),
        "off" => Ok(Switch::Off),
        "detectiononly" => Ok(Switch::DetectionOnly),
        _ => Err(Fault::Value { what: "state of the engine (`On`, `Off` or `DetectionOnly`)", value: text.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Action>, Fault> {
        actions(text, &mut Names::default())
    }

    #[test]
    fn values_may_hold_commas_and_quotation_marks() {
        let got = read("id:7, phase:request,msg:'a, \\'b\\'',setvar:tx.a=4290,setvar:'!tx.b',t:none").expect("all exist");
        let mut names = Names::default();
        let set = |text: &str, names: &mut Names| Action::SetVar(set_var(text, names).expect("well-formed").expect("of TX"));
        assert_eq!(
            got,
            [
                Action::Id(7),
                Action::Phase(2),
                Action::Msg(Template::parse("a, 'b'", &mut names).expect("no macro")),
                set("tx.a=4290", &mut names),
                set("!tx.b", &mut names),
                Action::NoTransform,
            ]
        );
    }

    #[test]
    fn assignments_add_subtract_and_delete() {
        let mut names = Names::default();
        let mut operation =
            |text| set_var(text, &mut names).expect("well-formed").map(|s| (s.operation, s.value.constant().map(<[u8]>::to_vec)));
        assert_eq!(operation("tx.a=+%{tx.b}"), Some((Operation::Add, None)));
        assert_eq!(operation("tx.a=-2"), Some((Operation::Subtract, Some(b"2".to_vec()))));
        assert_eq!(operation("!TX.a"), Some((Operation::Delete, Some(Vec::new()))));
        assert_eq!(operation("tx.a"), Some((Operation::Set, Some(b"1".to_vec()))));
        assert_eq!(operation("ip.a=1"), None);
    }

    #[test]
    fn what_does_not_exist_is_named() {
        assert_eq!(read("id:1,blok").expect_err("no such action").help().as_deref(), Some("did you mean `block`?"));
        assert_eq!(read("t:upside").expect_err("no such thing").to_string(), "unknown transformation `t:upside`");
        assert_eq!(read("exec:/bin/x").expect_err("never").to_string().split(':').next(), Some("`exec` is not supported"));
        assert!(
            read("ctl:fly=On").is_err() && read("id:x").is_err() && read("phase:9").is_err() && read("setvar:novar").is_err()
        );
    }

    #[test]
    fn ranges_of_rules() {
        assert_eq!(ids("1 5-9,12").expect("well-formed"), [(1, 1), (5, 9), (12, 12)]);
        assert!(ids("a-b").is_err());
    }
}
