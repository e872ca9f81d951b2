//! With rules of our own: what is shown here must hold for any rule set.

use crate::{
    engine::{Decision, Engine, ResponseStep},
    exchange::ResponseHead,
    policy::{Policy, RuleFiles},
    testing::{Ask, Seen},
};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;

const RULES: &str = r#"
SecRule ARGS "@contains attack" "id:1,phase:2,deny,status:403,t:none,t:lowercase,msg:'Attack in a value',severity:CRITICAL"
SecRule REQUEST_HEADERS:User-Agent "@streq robot" "id:2,phase:1,pass,msg:'A robot',severity:WARNING,setvar:tx.score=+3"
SecRule ARGS:n "@rx ^[0-9]{9}" "id:3,phase:2,pass,msg:'A long number',severity:ERROR,tag:'numbers',setvar:tx.score=+4"
SecRule TX:SCORE "@ge 5" "id:9,phase:2,deny,msg:'Score'"
SecRule ARGS:id "@unconditionalMatch" "id:12,phase:2,chain,deny,msg:'The number of the exchange'"
  SecRule UNIQUE_ID "@rx ^[0-9a-z]{8}"
SecRule RESPONSE_HEADERS:X-Leak "@contains secret" "id:10,phase:3,deny,msg:'A leak'"
SecRule RESPONSE_BODY "@contains root:x:0" "id:11,phase:4,deny,msg:'A file of the system'"
"#;

/// Files in memory: a folder `crs`.
struct Shelf(&'static str);

impl RuleFiles for Shelf {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match path {
            "crs/crs-setup.conf.example" => Ok(Vec::new()),
            "crs/rules/own.conf" => Ok(self.0.as_bytes().to_vec()),
            _ => Err("no such file".to_owned()),
        }
    }

    fn list(&self, pattern: &str) -> Result<Vec<String>, String> {
        Ok(if pattern == "crs/rules/*.conf" { vec!["crs/rules/own.conf".to_owned()] } else { Vec::new() })
    }
}

fn engine(section: &str) -> Engine {
    let policy = Policy::parse(&format!("[intrusion.crs]\n{section}")).unwrap().load_rules(&Shelf(RULES)).unwrap();
    Engine::new(Arc::new(policy))
}

const ON: &str = "path = \"crs\"\n";

fn form(body: &str) -> Ask {
    let ask = Ask::new("POST", "/notes").header("sec-fetch-site", "same-origin");
    ask.header("content-type", "application/x-www-form-urlencoded").body(body.as_bytes())
}

fn told(seen: &Seen) -> (&str, &str, &str, &str) {
    let one = seen.findings.iter().find(|one| one.rule == "crs").unwrap();
    (&one.why, &one.part, &one.value, &one.allow)
}

#[test]
fn rules_know_the_exchange_by_its_reference() {
    let on = engine(ON);
    assert_eq!(Ask::get("/notes?id=1").to(&on).status, 403);
}

#[test]
fn an_attack_is_refused_its_twin_passes_and_without_rules_both_pass() {
    let on = engine(ON);
    let seen = Ask::get("/notes?q=An+ATTACK").to(&on);
    assert_eq!((seen.status, seen.rules()), (403, vec!["crs"]));
    let allow = "[intrusion.crs]\nexclude = [\"1 ARGS:q /notes\"]";
    assert_eq!(told(&seen), ("rule 1: Attack in a value", "ARGS:q", "an attack", allow));
    assert_eq!(seen.findings[0].transformations, ["lowercase"]);
    assert_eq!(Ask::get("/notes?q=A+note").to(&on).status, 200);
    assert_eq!(form("q=attack").to(&on).status, 403);
    assert_eq!(form("q=note").to(&on).status, 200);
    for off in ["", "path = \"crs\"\nmode = \"off\"", "path = \"crs\"\n[[route]]\npath = \"/notes\"\noff = [\"intrusion\"]"] {
        let off = engine(off);
        assert_eq!(Ask::get("/notes?q=attack").to(&off).status, 200);
        assert_eq!(form("q=attack").to(&off).status, 200);
    }
}

#[test]
fn report_writes_down_and_refuses_nothing() {
    let report = engine("path = \"crs\"\nmode = \"report\"");
    for ask in [Ask::get("/?q=attack"), form("q=attack")] {
        let seen = ask.to(&report);
        assert_eq!((seen.status, seen.rules(), seen.recorded), (200, vec!["crs"], true));
        assert_eq!(seen.findings[0].mode, crate::policy::Mode::Report);
    }
}

#[test]
fn a_rule_set_that_only_detects_names_every_rule_and_refuses_nothing() {
    let rules = String::leak(format!("SecRuleEngine DetectionOnly\n{RULES}"));
    let policy = Policy::parse("[intrusion.crs]\npath = \"crs\"").unwrap().load_rules(&Shelf(rules)).unwrap();
    let engine = Engine::new(Arc::new(policy));
    let seen = Ask::get("/a?n=123456789&q=attack").header("user-agent", "robot").to(&engine);
    assert_eq!((seen.status, seen.rules(), seen.recorded), (200, vec!["crs-detected"], true));
    let one = &seen.findings[0];
    assert_eq!(one.why, "rules 2, 1, 3, 9 match; the rule set says `SecRuleEngine DetectionOnly`");
    assert_eq!((one.part.as_str(), one.value.as_str(), one.action), ("ARGS:q", "attack", crate::record::Action::Note));
    assert_eq!(Ask::get("/a").to(&engine).rules(), Vec::<&str>::new());
}

#[test]
fn a_body_without_a_length_is_seen_to_come_in_chunks() {
    let rule = "SecRule REQUEST_HEADERS:Transfer-Encoding \"@streq chunked\" \"id:1,phase:1,deny\"";
    let policy = Policy::parse("[intrusion.crs]\npath = \"crs\"").unwrap().load_rules(&Shelf(rule)).unwrap();
    let engine = Engine::new(Arc::new(policy));
    assert_eq!(form("q=a").to(&engine).status, 403);
    assert_eq!(form("q=a").header("content-length", "3").to(&engine).status, 200);
    assert_eq!(Ask::get("/").to(&engine).status, 200);
}

#[test]
fn rules_that_add_up_are_named_with_the_gravest_first() {
    let on = engine(ON);
    let seen = Ask::get("/a?n=123456789").header("user-agent", "robot").to(&on);
    let (why, part, ..) = told(&seen);
    assert_eq!((why, part), ("rule 3: A long number; also 2; together enough for rule 9", "ARGS:n"));
    assert_eq!(told(&seen).3, "[intrusion.crs]\nexclude = [\"3 ARGS:n /a\", \"2 REQUEST_HEADERS:user-agent /a\"]");
    assert_eq!(Ask::get("/a?n=123456789").to(&on).status, 200);
}

#[test]
fn each_form_of_an_exception_excepts_what_it_says_and_no_more() {
    for (exclude, passes, refused) in [
        ("1", "/notes?q=attack", ""),
        ("1-2", "/notes?q=attack", ""),
        ("1 ARGS:q", "/notes?q=attack", "/notes?r=attack"),
        ("1 /notes", "/notes?q=attack", "/other?q=attack"),
        ("1 /no*", "/notes?q=attack", "/other?q=attack"),
        ("1 ARGS:q /notes", "/notes?q=attack", "/notes?r=attack"),
        ("1 ARGS:q /notes", "/notes?q=attack", "/other?q=attack"),
    ] {
        let engine = engine(&format!("path = \"crs\"\nexclude = [\"{exclude}\"]"));
        assert_eq!(Ask::get(passes).to(&engine).status, 200, "{exclude}: {passes}");
        if !refused.is_empty() {
            assert_eq!(Ask::get(refused).to(&engine).status, 403, "{exclude}: {refused}");
        }
    }
    let numbers = engine("path = \"crs\"\nexclude = [\"numbers\"]");
    assert_eq!(Ask::get("/a?n=123456789").header("user-agent", "robot").to(&numbers).status, 200);
}

#[test]
fn what_would_be_rule_text_is_no_exception() {
    for text in ["1 ARGS:q\\\"", "attack' x", "1 ARGS:q;ARGS:r", "1 /a\\\"b", "1 ARGS:q /a /b", ""] {
        let problems = Policy::parse(&format!("[intrusion.crs]\nexclude = [\"{text}\"]")).unwrap_err();
        assert!(problems.to_string().contains("names no rule"), "{text}: {problems}");
    }
}

#[test]
fn of_a_long_body_the_beginning_is_judged_and_that_is_noted() {
    let small = engine("path = \"crs\"\nbody = \"64B\"");
    let filler = "a=xxxxxxxxxxxxxxxx&".repeat(8);
    let seen = form(&format!("{filler}q=attack")).to(&small);
    assert_eq!((seen.status, seen.rules()), (200, vec!["crs-partial"]));
    assert_eq!(form(&format!("q=attack&{filler}")).to(&small).status, 403);
    let json = |text: &str| {
        let ask = Ask::new("POST", "/notes").header("sec-fetch-site", "same-origin").header("content-type", "application/json");
        ask.body(text.as_bytes()).to(&small)
    };
    let long = "x".repeat(100);
    assert_eq!(json(&format!("{{\"a\": \"{long}\"}}")).status, 200, "a document that is cut is not a broken one");
    assert_eq!(json(&format!("{{\"q\": \"attack\", \"a\": \"{long}\"}}")).status, 403);
}

#[test]
fn who_answers_before_the_body_has_ended_does_not_escape_its_judgement() {
    let ends = |body: &[u8]| {
        let ask = form("").header("content-length", "99");
        let Decision::Inspect(inspecting) = ask.decided(&engine("path = \"crs\"\nbody = \"16B\"")) else {
            panic!("not inspected")
        };
        let Decision::Forward(_, _, exchange) = inspecting.begin(body, false) else { panic!("not forwarded") };
        let head = ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() };
        let ResponseStep::Send(outgoing) = exchange.response(head) else { panic!("held") };
        outgoing.finish.findings().map(|one| one.rule.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ends(b"q=attack&a=12345"), ["crs"]);
    assert_eq!(ends(b"q=a+note&a=12345"), Vec::<String>::new());
}

#[test]
fn an_answer_is_replaced_for_its_head() {
    let answer = |name: &str, value: &str| Ask::get("/").answered_with(&engine(ON), &[(name, value)], b"");
    assert_eq!(answer("x-leak", "a secret").rules(), ["crs"]);
    assert_eq!(answer("x-leak", "nothing").rules(), Vec::<&str>::new());
}

#[test]
fn a_page_is_replaced_for_what_it_shows_and_a_stream_is_not_held() {
    let on = engine(ON);
    let answer = |kind: &str, body: &[u8]| Ask::get("/").answered_with(&on, &[("content-type", kind)], body);
    let leak = b"<p>root:x:0:0:root</p>";
    for kind in ["text/html; charset=utf-8", "text/plain", "application/json"] {
        let seen = answer(kind, leak);
        assert_eq!((seen.status, seen.rules()), (200, vec!["crs"]), "{kind}");
        assert_eq!(told(&seen).0, "rule 11: A file of the system");
        assert_eq!(answer(kind, b"<p>fine</p>").rules(), Vec::<&str>::new());
    }
    for kind in ["text/event-stream", "image/png"] {
        assert_eq!(answer(kind, leak).rules(), Vec::<&str>::new(), "{kind}");
    }
}

#[test]
fn a_fault_in_a_rule_is_a_problem_of_the_policy_with_its_place() {
    let text = "[intrusion.crs]\npath = \"crs\"";
    let load = |rules| Policy::parse(text).unwrap().load_rules(&Shelf(rules)).map(|_| ());
    let problems = load("\nSecRule ARG \"@rx a\" \"id:7,phase:1\"").unwrap_err();
    let [problem] = problems.0.as_slice() else { panic!("{problems}") };
    assert_eq!(problem.message, "crs/rules/own.conf:2:1: rule 7: unknown variable `ARG`");
    assert_eq!((problem.help.as_str(), &text[problem.span.clone().unwrap()]), ("did you mean `ARGS`?", "\"crs\""));
    let typo = Policy::parse(&format!("{text}\nexclude = [\"1 ARGS:q\", \"77\", \"numbers\", \"number\"]")).unwrap();
    let warnings: Vec<String> = typo.load_rules(&Shelf(RULES)).unwrap().warnings.0.into_iter().map(|one| one.message).collect();
    let idle = |what: &str| format!("`{what}` excepts nothing: there is no such rule in crs");
    assert_eq!(warnings, [idle("77"), idle("number")]);
    let elsewhere = Policy::parse("[intrusion.crs]\npath = \"gone\"").unwrap().load_rules(&Shelf(RULES));
    assert!(elsewhere.unwrap_err().to_string().contains("gone/crs-setup.conf"));
}
