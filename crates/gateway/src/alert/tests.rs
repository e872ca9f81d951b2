use super::*;
use gambeson_core::{
    policy::{LayerName, Mode, Policy},
    record::{Action, Finding},
};

fn alerts(lines: &str) -> (Alerts, broadcast::Receiver<Queued>) {
    let policy = Policy::parse(&format!("[alert]\nsyslog = \"unix:/nowhere\"\n{lines}")).unwrap();
    let alerts = Alerts::new(Settings::of(&policy).unwrap(), Arc::default());
    let queue = alerts.queue.subscribe();
    (alerts, queue)
}

fn told(queue: &mut broadcast::Receiver<Queued>) -> Vec<String> {
    std::iter::from_fn(|| queue.try_recv().ok().flatten())
        .map(|alert| format!("{}: {}", alert.topic.as_str(), alert.sentence))
        .collect()
}

fn refused(layer: LayerName, time_ms: u64) -> Event {
    let finding = Finding {
        layer,
        rule: "sql.union".into(),
        mode: Mode::Enforce,
        action: Action::Refuse,
        why: "password=hunter2".into(),
        part: "query password".into(),
        value: "hunter2".into(),
        transformations: vec![],
        allow: "hunter2".into(),
    };
    let record = Record {
        id: "0123456789abc".into(),
        time_ms,
        client: "192.0.2.7".into(),
        method: "GET".into(),
        host: "shop.example".into(),
        path: "/search".into(),
        status: 403,
        app_status: None,
        took_ms: 0,
        findings: vec![finding],
        original: Some("password=hunter2".into()),
    };
    Event::Exchange(Box::new(record))
}

#[test]
fn many_attacks_within_a_minute_are_told_once_and_other_refusals_are_none() {
    let (alerts, mut queue) = alerts("attacks_per_minute = 3");
    for second in 0..10 {
        alerts.event(&refused(LayerName::Csrf, second * 1000), 0);
    }
    assert_eq!(told(&mut queue), [""; 0]);
    for second in 0..10 {
        alerts.event(&refused(LayerName::Intrusion, 1_000_000 + second * 1000), 0);
    }
    let expected =
        "attacks: 3 requests were refused as attacks within a minute; `gambeson log show 0123456789abc` explains the last";
    assert_eq!(told(&mut queue), [expected]);
    for minute in 1..10 {
        alerts.event(&refused(LayerName::Intrusion, 2_000_000 + minute * 40_000), 0);
    }
    assert_eq!(told(&mut queue), [""; 0], "few a minute are none");
}

#[test]
fn no_value_of_a_request_is_in_an_alert() {
    let (alerts, mut queue) = alerts("on = [\"refusals\"]");
    alerts.event(&refused(LayerName::Intrusion, 0), 0);
    alerts.event(&Event::notice("app ended", "it said Bearer abcdefgh12345"), 0);
    let alert = queue.try_recv().unwrap().unwrap();
    assert!(!format!("{alert:?}").contains("hunter2"), "{alert:?}");
    assert!(alert.facts.contains(&("rule", "intrusion/sql.union".to_owned())), "{alert:?}");
    assert!(queue.try_recv().is_err(), "only what the policy names is told");
}

#[test]
fn notices_of_sanctions_policies_certificates_and_the_app_are_told_and_ordinary_ones_are_not() {
    let (alerts, mut queue) = alerts("");
    for (what, detail) in [
        ("started", ""),
        ("policy reloaded", ""),
        ("certificate by ACME", "shop.example: new certificate"),
        ("alert failed", "webhook"),
        ("sanction", "slow of 192.0.2.7 for 10 min: probing"),
        ("sanction", "ban of 192.0.2.7 for 60 min: password=hunter2"),
        ("reload refused", "\n  x no such key\n  token = 'x'"),
        ("certificates refused", "gone"),
        ("app ended", "gunicorn: exit status 1"),
    ] {
        alerts.event(&Event::notice(what, detail), 0);
    }
    let expected = [
        "sanctions: sanction: ban of 192.0.2.7 for 60 min: password=(masked)",
        "policy: reload refused: x no such key",
        "certificates: certificates refused: gone",
        "app: app ended: gunicorn: exit status 1",
    ];
    assert_eq!(told(&mut queue), expected);
}

#[test]
fn trouble_of_the_audit_log_is_told_once() {
    let (alerts, mut queue) = alerts("");
    alerts.watch(0);
    assert_eq!(told(&mut queue), [""; 0]);
    alerts.metrics.audit_failing.set(1);
    alerts.metrics.audit_lost.add(Loss::Unwritable, 7);
    alerts.metrics.audit_repaired.add(1);
    alerts.watch(0);
    alerts.watch(0);
    let told = told(&mut queue);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("damaged") && told[1].contains("cannot be written") && told[2].contains("7 records"), "{told:?}");
}

#[test]
fn without_a_receiver_nothing_is_queued() {
    let alerts = Alerts::new(Settings::default(), Arc::default());
    let mut queue = alerts.queue.subscribe();
    alerts.event(&Event::notice("app ended", ""), 0);
    alerts.event(&refused(LayerName::Intrusion, 0), 0);
    assert!(queue.try_recv().is_err());
}

#[test]
fn attacks_are_told_after_the_clock_was_set_back_and_without_the_log() {
    let (alerts, mut queue) = alerts("attacks_per_minute = 3");
    (0..5).for_each(|second| alerts.event(&refused(LayerName::Intrusion, 10_000_000 + second), 0));
    assert_eq!(told(&mut queue).len(), 1);
    for second in 0..3 {
        let Event::Exchange(record) = refused(LayerName::Intrusion, second) else { unreachable!() };
        alerts.unlogged(&record);
    }
    let told = told(&mut queue);
    assert!(told.len() == 1 && !told[0].contains("log show"), "{told:?}");
}
