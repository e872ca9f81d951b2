//! What rules mean, rule by rule.

use gambeson_seclang::{Interruption, NoFiles, Refusal, RuleSet, Transaction, Verdict};

/// Judges `GET target` with a cookie by these rules, planned and not: both must say the same.
fn judge(rules: &str, target: &str) -> Verdict {
    let rules = RuleSet::load(&[("a.conf", rules)], &NoFiles).unwrap_or_else(|faults| panic!("{faults:?}"));
    let verdict = |mut transaction: Transaction<'_>| {
        transaction.request_line(b"GET", target.as_bytes(), b"HTTP/1.1");
        transaction.request_header(b"Host", b"example.com");
        transaction.request_header(b"Cookie", b"a=One; b=two");
        transaction.request_head();
        transaction.request_body_end();
        transaction.response_line(b"HTTP/1.1", 200);
        transaction.response_header(b"Content-Type", b"text/html");
        transaction.response_head();
        transaction.response_body(b"<p>secret</p>");
        transaction.response_body_end();
        transaction.finish()
    };
    let (planned, plain) = (verdict(Transaction::new(&rules)), verdict(Transaction::plain(&rules)));
    assert_eq!(planned, plain);
    planned
}

fn ids(verdict: &Verdict) -> Vec<u64> {
    verdict.matches.iter().map(|m| m.rule).collect()
}

#[test]
fn a_match_names_value_and_parameter() {
    let rules = "SecRule ARGS \"@rx EVIL\" \"id:1,phase:1,deny,status:418,t:none,t:uppercase,msg:'found %{MATCHED_VAR} in %{MATCHED_VAR_NAME}',severity:CRITICAL,tag:x\"";
    let verdict = judge(rules, "/?q=an%20evil%20word&ok=1");
    assert_eq!(verdict.interruption, Some(Interruption { rule: 1, phase: 1, action: Refusal::Deny(418) }));
    let found = &verdict.matches[0];
    assert_eq!(
        (found.msg.as_str(), found.variable.as_str(), found.severity),
        ("found AN EVIL WORD in ARGS:q", "ARGS:q", Some(2))
    );
    assert!(judge(rules, "/?q=a%20kind%20word").matches.is_empty());
}

#[test]
fn a_rule_only_told_to_watch_refuses_nothing() {
    let rule = "SecRule ARGS \"@rx evil\" \"id:1,phase:1,deny\"";
    assert!(judge(&format!("SecRuleEngine DetectionOnly\n{rule}"), "/?q=evil").interruption.is_none());
    assert!(judge(&format!("SecRuleEngine Off\n{rule}"), "/?q=evil").matches.is_empty());
    assert!(judge(&format!("SecRuleEngine On\n{rule}"), "/?q=evil").interruption.is_some());
}

#[test]
fn scores_add_up_over_all_values_that_match() {
    let rules = "SecRule ARGS|REQUEST_COOKIES \"@rx (?i)one\" \"id:1,phase:1,pass,nolog,setvar:tx.score=+2\"\n\
                 SecRule TX:score \"@ge 6\" \"id:2,phase:1,deny,msg:'%{tx.score}'\"";
    assert_eq!(judge(rules, "/?x=one&y=none").matches[0].msg, "6");
    assert!(judge(rules, "/?x=one").matches.is_empty());
}

#[test]
fn chains_match_only_as_a_whole_but_set_values_on_the_way() {
    let rules = "SecRule ARGS:a \"@rx (\\d+)-(\\d+)\" \"id:1,phase:1,capture,pass,setvar:tx.seen=%{tx.2},chain\"\n\
                 SecRule ARGS:b \"@streq %{tx.1}\" \"t:lowercase\"\n\
                 SecRule TX:seen \"@eq 22\" \"id:2,phase:1,pass\"";
    assert_eq!(ids(&judge(rules, "/?a=11-22&b=11")), [1, 2]);
    assert_eq!(ids(&judge(rules, "/?a=11-22&b=12")), [2]);
    assert_eq!(ids(&judge(rules, "/?b=11")), [0_u64; 0]);
}

#[test]
fn jumps_lead_behind_their_mark_in_every_phase() {
    let rules = "SecRule ARGS:skip \"@streq 1\" \"id:1,phase:1,pass,nolog,skipAfter:END\"\n\
                 SecAction \"id:2,phase:1,pass\"\nSecAction \"id:3,phase:2,pass\"\nSecMarker END\nSecAction \"id:4,phase:1,pass\"";
    assert_eq!(ids(&judge(rules, "/?skip=1")), [4, 3]);
    assert_eq!(ids(&judge(rules, "/")), [2, 4, 3]);
}

#[test]
fn exclusions_hold_at_load_and_while_rules_run() {
    let rule = "SecRule ARGS|!ARGS:free \"@rx evil\" \"id:5,phase:2,pass,tag:t/one\"";
    assert_eq!(ids(&judge(rule, "/?free=evil&also=evil")), [5]);
    assert!(judge(&format!("{rule}\nSecRuleUpdateTargetById 5 !ARGS:also"), "/?free=evil&also=evil").matches.is_empty());
    assert!(judge(&format!("{rule}\nSecRuleUpdateTargetByTag t/ \"!ARGS:/^al/\""), "/?also=evil").matches.is_empty());
    assert!(judge(&format!("{rule}\nSecRuleRemoveByTag one"), "/?q=evil").matches.is_empty());
    let ctl = |what: &str| format!("SecAction \"id:1,phase:1,pass,nolog,ctl:{what}\"\n{rule}");
    assert!(judge(&ctl("ruleRemoveById=5"), "/?q=evil").matches.is_empty());
    assert!(judge(&ctl("ruleRemoveByTag=t/"), "/?q=evil").matches.is_empty());
    assert!(judge(&ctl("ruleRemoveTargetById=5;ARGS:q"), "/?q=evil").matches.is_empty());
    assert_eq!(ids(&judge(&ctl("ruleRemoveTargetById=5;ARGS:q"), "/?q=evil&r=evil")), [5]);
    assert!(judge(&ctl("ruleEngine=Off"), "/?q=evil").matches.is_empty());
}

#[test]
fn counts_patterns_over_names_and_negation() {
    assert_eq!(ids(&judge("SecRule &ARGS \"@eq 2\" \"id:1,phase:1,pass\"", "/?a=1&b=2")), [1]);
    assert_eq!(ids(&judge("SecRule &REQUEST_HEADERS:Accept \"@eq 0\" \"id:1,phase:1,pass\"", "/")), [1]);
    assert_eq!(ids(&judge("SecRule ARGS:/^a/ \"@rx 2\" \"id:1,phase:1,pass\"", "/?ab=2&b=2")), [1]);
    assert!(judge("SecRule ARGS:/^a/ \"@rx 2\" \"id:1,phase:1,pass\"", "/?b=2").matches.is_empty());
    assert_eq!(ids(&judge("SecRule ARGS \"!@rx ^\\d+$\" \"id:1,phase:1,pass\"", "/?a=1&b=x")), [1]);
    assert!(judge("SecRule ARGS \"!@rx ^\\d+$\" \"id:1,phase:1,pass\"", "/").matches.is_empty());
}

#[test]
fn one_form_on_the_way_is_enough_with_multi_match() {
    let rule = |more: &str| format!("SecRule ARGS \"@rx ^A%42$\" \"id:1,phase:1,pass,t:none,t:urlDecode,t:lowercase{more}\"");
    assert_eq!(ids(&judge(&rule(",multiMatch"), "/?q=A%2542")), [1]);
    assert!(judge(&rule(""), "/?q=A%2542").matches.is_empty());
}

#[test]
fn answers_are_judged_too() {
    let rules = "SecRule RESPONSE_BODY \"@rx secret\" \"id:1,phase:4,deny,msg:leak\"";
    assert_eq!(judge(rules, "/").interruption.map(|i| i.phase), Some(4));
    assert!(judge(&format!("SecResponseBodyAccess Off\n{rules}"), "/").interruption.is_none());
}

#[test]
fn default_actions_fill_in_for_block() {
    let rules = "SecDefaultAction \"phase:1,log,deny,status:451,t:lowercase\"\nSecRule ARGS \"@streq x\" \"id:1,phase:1,block\"";
    assert_eq!(judge(rules, "/?q=X").interruption.map(|i| i.action), Some(Refusal::Deny(451)));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let rules = "SecRul ARGS x id:1\nSecRule ARG x id:2\nSecRule ARGS \"@rx (a\" id:3\nSecRule ARGS \"@nope\" id:4\n\
                 SecRule ARGS x \"id:5,t:upside\"\nSecRule ARGS x\nSecRule ARGS x \"id:7,skipAfter:NOWHERE\"\nSecRule ARGS x id:7\nSecRule ARGS x \"id:8,chain\"\n";
    let faults = RuleSet::load(&[("a.conf", rules)], &NoFiles).expect_err("nothing in it is right");
    let mut lines: Vec<String> = faults.iter().map(|fault| fault.to_string().lines().next().unwrap_or("").to_owned()).collect();
    lines.sort();
    check_lines(&lines);
}

#[test]
fn rules_that_cannot_be_judged_here_are_left_out_by_name() {
    let rules = "SecRule ARGS \"@rx (?=a)\" \"id:1,phase:1,pass\"\nSecRule ARGS \"@rbl a\" \"id:2,phase:1,pass\"\n\
                 SecRule ARGS \"@rx a\" \"id:3,phase:1,pass\"";
    let set = RuleSet::load(&[("a.conf", rules)], &NoFiles).expect("the third can be judged");
    let lines: Vec<String> = set.left_out().iter().map(ToString::to_string).collect();
    assert!(lines[0].contains("rule 1") && lines[0].contains("look-around") && lines[1].contains("rule 2"), "{lines:#?}");
    assert_eq!(ids(&judge(rules, "/?q=a")), [3]);
}

/// Each message names the place, the rule and what is wrong with it.
fn check_lines(lines: &[String]) {
    let expected = [
        "a.conf:1:1: rule 1: unknown directive `SecRul`",
        "a.conf:2:1: rule 2: unknown variable `ARG`",
        "a.conf:3:1: rule 3: `@rx` cannot use its pattern",
        "a.conf:4:1: rule 4: there is no operator `@nope`",
        "a.conf:5:1: rule 5: unknown transformation `t:upside`",
        "a.conf:6:1: the rule has no `id`",
        "a.conf:7:1: rule 7: `skipAfter:NOWHERE` leads to no SecMarker",
        "a.conf:8:1: rule 7: the id is already taken by a rule at a.conf:7:1",
        "a.conf:9:1: rule 8: `chain` is followed by no rule",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\nis not\n{expected}");
    }
}

/// Judges a POST with this body and these fields by these rules.
fn judge_body(rules: &str, fields: &[(&str, &str)], body: &str) -> Vec<u64> {
    let rules = RuleSet::load(&[("a.conf", rules)], &NoFiles).unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut transaction = Transaction::new(&rules);
    transaction.request_line(b"POST", b"/", b"HTTP/1.1");
    fields.iter().for_each(|(name, value)| transaction.request_header(name.as_bytes(), value.as_bytes()));
    transaction.request_head();
    transaction.request_body(body.as_bytes());
    transaction.request_body_end();
    ids(&transaction.finish())
}

#[test]
fn a_long_name_over_many_values_is_more_work_than_a_body_may_be() {
    let rules = "SecAction \"id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n\
                 SecRule REQBODY_ERROR \"@eq 1\" \"id:2,phase:2,pass\"\nSecArgumentsLimit 100000";
    let body = |name: usize| format!("{{\"{}\": [{}1]}}", "n".repeat(name), "1,".repeat(20_000));
    assert_eq!(judge_body(rules, &[], &body(20)), [0_u64; 0]);
    assert_eq!(judge_body(rules, &[], &body(20_000)), [2]);
}

#[test]
fn the_user_of_basic_authentication_is_known() {
    let rules = "SecRule REMOTE_USER \"@streq anna\" \"id:1,phase:1,pass\"";
    assert_eq!(judge_body(rules, &[("Authorization", "Basic YW5uYTpzZWNyZXQ6eA==")], ""), [1]);
    assert_eq!(judge_body(rules, &[("Authorization", "Bearer YW5uYTpzZWNyZXQ6eA==")], ""), [0_u64; 0]);
}
