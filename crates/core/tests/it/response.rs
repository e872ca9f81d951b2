//! What exchanges count, and for whom.

use crate::replay::headers;
use bytes::Bytes;
use gambeson_core::{
    engine::{Decision, Engine, Moment, Outgoing, ResponseStep, Step},
    exchange::{Connection, Entropy, Received, ResponseHead, Tls},
    policy::Policy,
    sanction::{Charge, Rung},
    store::{Answer, Subject},
};
use http::{StatusCode, Version};
use std::sync::Arc;

/// A request, and the app's answer to it.
#[derive(Clone)]
struct Told<'a> {
    peer: &'a str,
    method: &'a str,
    target: &'a str,
    fields: Vec<(&'a str, &'a str)>,
    body: &'a str,
    status: u16,
    answer: Vec<(&'a str, &'a str)>,
    page: &'a str,
}

fn get(target: &str, status: u16) -> Told<'_> {
    Told {
        peer: "192.0.2.1",
        method: "GET",
        target,
        fields: Vec::new(),
        body: "",
        status,
        answer: Vec::new(),
        page: "<input type=password>",
    }
}

fn log_in<'a>(status: u16, answer: &[(&'a str, &'a str)]) -> Told<'a> {
    let fields = vec![("content-type", "application/x-www-form-urlencoded")];
    Told { method: "POST", body: "username=alice&password=x", fields, answer: answer.to_vec(), ..get("/login", status) }
}

impl<'a> Told<'a> {
    fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.fields.push((name, value));
        self
    }

    fn charges(self) -> Vec<Charge> {
        self.charges_by("[rate_limit]\nmode = \"off\"")
    }

    fn charges_by(self, policy: &str) -> Vec<Charge> {
        let engine = Engine::new(Arc::new(Policy::parse(policy).unwrap()));
        let connection = Connection::new(self.peer.parse().unwrap(), Some(Arc::new(Tls::default())));
        let moment = Moment { now_ms: 0, entropy: Entropy([7; 24]) };
        let decision = match engine.receive(self.received(), connection, moment) {
            Step::Respond(outgoing) => return outgoing.finish.charges(),
            Step::Ask(pending) => pending.decide(&[Answer::Standing(None)]),
        };
        let body = self.body.as_bytes();
        let decision = match decision {
            Decision::Inspect(inspecting) => inspecting.begin(body, true),
            decision => decision,
        };
        self.finished(decision).finish.charges()
    }

    fn received(&self) -> Received {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let lines: Vec<_> = self.fields.iter().map(own).chain([("host".to_owned(), "localhost".to_owned())]).collect();
        Received {
            method: self.method.parse().unwrap(),
            target: Bytes::copy_from_slice(self.target.as_bytes()),
            authority: None,
            version: Version::HTTP_11,
            headers: headers(&lines).unwrap(),
            has_body: !self.body.is_empty(),
        }
    }

    fn finished(&self, decision: Decision) -> Outgoing {
        let Decision::Forward(_, _, exchange) = decision else {
            let Decision::Respond(outgoing) = decision else { panic!("neither sent on nor answered") };
            return outgoing;
        };
        let lines: Vec<_> = self.answer.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let head = ResponseHead { status: StatusCode::from_u16(self.status).unwrap(), headers: headers(&lines).unwrap() };
        match exchange.response(head) {
            ResponseStep::Send(outgoing) => outgoing,
            ResponseStep::Hold(held) => held.body(self.page.as_bytes(), true),
        }
    }
}

fn names(charges: &[Charge]) -> Vec<&str> {
    charges.iter().map(|charge| charge.scenario.name.as_str()).collect()
}

const ATTACK: &str = "/search?q=1%27%20union%20select%20password%20from%20users--";

#[test]
fn a_page_that_opens_counts_nothing() {
    for status in [200, 204, 302, 304, 500, 503] {
        assert!(get("/users/7", status).charges().is_empty(), "{status}");
    }
}

#[test]
fn what_is_refused_or_missing_counts_for_its_network() {
    assert_eq!(names(&get(ATTACK, 200).charges()), ["probing", "probing-routes", "probing-allocation"]);
    assert_eq!(names(&get("/nothing", 404).charges()), ["scanning", "scanning-allocation"]);
    assert_eq!(
        names(&get("/users/7", 404).charges()),
        ["scanning", "enumeration", "scanning-allocation", "enumeration-allocation"]
    );
    assert_eq!(names(&get("/users/7", 403).charges()), ["enumeration", "enumeration-allocation"]);
    let charges = get("/nothing", 404).charges();
    assert_eq!((charges[0].subject, charges[0].weight), (Subject::customer([192, 0, 2, 1].into()), Charge::UNIT));
    assert!(charges[0].worst == Rung::Ban && charges[0].is_kept);
}

#[test]
fn a_session_counts_before_its_network() {
    let charges = get(ATTACK, 200).with("cookie", "csrftoken=t; __Host-session=abc; theme=dark").charges();
    let of = |name: &str| charges.iter().filter(|charge| charge.scenario.name == name).collect::<Vec<_>>();
    let weights: Vec<_> = of("probing").iter().map(|one| (matches!(one.subject, Subject::Session(_)), one.weight)).collect();
    assert_eq!(weights, [(false, 1), (true, Charge::UNIT)]);
    let whole = |page: u32| {
        let path = format!("/nothing/page-{page}");
        let charges = get(&path, 404).with("cookie", "session=abc").charges();
        charges.iter().filter(|charge| matches!(charge.subject, Subject::Network(_))).count()
    };
    let counted: usize = (0..400).map(whole).sum();
    assert!((40..180).contains(&counted), "about a quarter: {counted}");
}

#[test]
fn a_foreign_page_costs_its_visitor_a_challenge_at_most() {
    let charges = get(ATTACK, 200).with("cookie", "session=abc").with("sec-fetch-site", "cross-site").charges();
    assert!(!charges.is_empty());
    for charge in charges {
        assert!(!matches!(charge.subject, Subject::Session(_)) && charge.worst == Rung::Challenge);
    }
}

#[test]
fn what_an_own_page_lacks_counts_little() {
    let own = |path: &'static str, dest: &'static str| {
        get(path, 404).with("sec-fetch-site", "same-origin").with("sec-fetch-dest", dest).charges()
    };
    let distinct = |charges: Vec<Charge>| charges.first().and_then(|charge| charge.distinct);
    assert_eq!(distinct(own("/media/1.png", "image")), distinct(own("/media/2.png", "image")), "one folder is one");
    for dest in ["empty", "image"] {
        let called = |user: u32| {
            let path = format!("/api/users/{user}/avatar");
            let told =
                get(&path, 404).with("sec-fetch-site", "same-origin").with("sec-fetch-dest", dest).with("cookie", "session=a");
            names(&told.charges()).contains(&"enumeration")
        };
        let counted = (0..400).filter(|user| called(*user)).count();
        assert!((40..180).contains(&counted), "about a quarter, whatever else makes it one: {counted}");
    }
}

#[test]
fn ids_of_one_kind_are_counted_together_and_apart_from_others() {
    let distinct = |path| get(path, 403).charges().first().and_then(|charge| charge.distinct).unwrap();
    let (seven, eight, other) = (distinct("/users/7"), distinct("/users/8"), distinct("/orders/7"));
    assert!(seven.0 == eight.0 && seven.1 != eight.1 && seven.0 != other.0);
    let uuid = distinct("/files/0b6b7c1e-93c5-4a6e-9c0e-2f1b6f0c9d11");
    assert_eq!(uuid.0, distinct("/files/7").0);
    assert!(get("/about/team", 403).charges().is_empty(), "no id");
}

#[test]
fn a_login_fails_by_what_the_app_answers() {
    let failed =
        |status, answer: &[(&'static str, &'static str)]| names(&log_in(status, answer).charges()).contains(&"brute-force");
    let page = ("content-type", "text/html; charset=utf-8");
    for status in [400, 401, 403, 422] {
        assert!(failed(status, &[]), "{status}");
    }
    assert!(failed(302, &[("location", "/login?error=1")]) && failed(303, &[("location", "https://localhost/accounts/login/")]));
    assert!(failed(200, &[page]), "the form again");
    assert!(failed(200, &[page, ("set-cookie", "csrftoken=x; Path=/")]));
    let welcome = Told { page: "<p>Welcome", ..log_in(200, &[page]) }.charges();
    assert!(!names(&welcome).contains(&"brute-force"), "an app that sets no cookie, and greets");
    let named = "[rate_limit]\nmode = \"off\"\n[response]\nlogin_failed = [\"Wrong\"]";
    let told = Told { page: "<p>Wrong password", ..log_in(200, &[page]) }.charges_by(named);
    assert!(names(&told).contains(&"brute-force"), "as the policy says");
    assert!(!failed(302, &[("location", "/")]) && !failed(302, &[("location", "/account")]));
    assert!(!failed(200, &[page, ("set-cookie", "sessionid=fresh; Path=/")]), "a page, and a session with it");
    assert!(!failed(200, &[("content-type", "application/json")]) && !failed(204, &[]) && !failed(500, &[]) && !failed(429, &[]));
    assert!(get("/login", 403).charges().iter().all(|charge| charge.scenario.name != "brute-force"), "looking is no try");
}

#[test]
fn nothing_is_counted_for_a_name() {
    let charges = log_in(401, &[]).charges();
    assert_eq!(names(&charges), ["brute-force", "credential-stuffing", "brute-force-allocation"]);
    assert!(charges.iter().all(|charge| !matches!(charge.subject, Subject::Session(_) | Subject::All)));
    let other = Told { body: "username=bob&password=x", ..log_in(401, &[]) }.charges();
    assert_ne!(charges[1].distinct, other[1].distinct, "but names are told apart");
}

#[test]
fn this_machine_is_spared_until_the_policy_says_otherwise() {
    for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        assert!(Told { peer, ..get(ATTACK, 200) }.charges().is_empty(), "{peer}");
    }
    assert!(!Told { peer: "127.0.0.1", ..get(ATTACK, 200) }.charges_by("[response]\nnever = []").is_empty());
}

#[test]
fn a_mode_and_a_route_say_whether_it_counts() {
    assert!(get(ATTACK, 200).charges_by("[response]\nmode = \"off\"").is_empty());
    assert!(get(ATTACK, 200).charges_by("[[route]]\npath = \"/search\"\noff = [\"response\"]").is_empty());
    let reported = get(ATTACK, 200).charges_by("[response]\nmode = \"report\"");
    assert!(!reported.is_empty() && reported.iter().all(|charge| !charge.is_kept));
    assert!(get(ATTACK, 200).charges_by("[intrusion]\nmode = \"report\"").is_empty(), "what is only reported was not refused");
}

#[test]
fn a_policys_scenario_counts_answers_that_succeed() {
    let policy = "[[response.scenario]]\nname = \"walk\"\non = [\"answer\"]\npath = \"/invoices/{id}\"\ndistinct = \"id\"";
    assert_eq!(names(&get("/invoices/7", 200).charges_by(policy)), ["walk"]);
    assert!(get("/invoices", 200).charges_by(policy).is_empty());
}

#[test]
fn scenarios_that_cannot_be_are_refused() {
    for wrong in [
        "[[response.scenario]]\non = [\"denied\"]",
        "[[response.scenario]]\nname = \"No Name\"\non = [\"denied\"]",
        "[[response.scenario]]\nname = \"x\"",
        "[[response.scenario]]\nname = \"x\"\non = [\"answer\"]",
        "[[response.scenario]]\nname = \"x\"\non = [\"denied\"]\nladder = []",
        "[[response.scenario]]\nname = \"x\"\non = [\"denied\"]\nladder = [\"prison\"]",
        "[[response.scenario]]\nname = \"probing\"\nperiod = \"9d\"",
        "[response]\nslow = \"5m\"",
        "[response]\nnftables = \"inet filter; flush ruleset\"",
        "[response]\nnftables = \"ip filter\"",
        "[response]\nnever = [\"everybody\"]",
    ] {
        assert!(Policy::parse(wrong).is_err(), "{wrong}");
    }
    let changed = Policy::parse("[[response.scenario]]\nname = \"scanning\"\ncount = 200").unwrap();
    let scanning = changed.layers.response.scenarios().find(|scenario| scenario.name == "scanning").unwrap();
    assert_eq!((scanning.count, scanning.period.as_secs()), (200 * Charge::UNIT, 300), "the rest stays");
    assert_eq!(scanning.ladder, [Rung::Slow, Rung::Challenge, Rung::Block]);
}
