//! Files that change while the gateway runs.

use super::super::*;
use super::bench::{Bench, DAY, build, names_of};

#[tokio::test]
async fn a_renewed_certificate_is_taken_up() {
    let bench = Bench::new();
    let tls = build(bench.settings(&["a.example"], vec![bench.files("a", &["a.example"])]));
    let client = bench.trusting();
    let before = client.connect(&tls, "a.example").await.unwrap().leaf;
    assert!(!tls.poll().unwrap(), "nothing has changed");
    bench.files("a", &["a.example", "b.example"]);
    assert!(tls.poll().unwrap());
    let after = client.connect(&tls, "a.example").await.unwrap().leaf;
    assert_ne!(before, after);
    assert_eq!(names_of(&after), ["a.example", "b.example"]);
}

#[tokio::test]
async fn a_bad_change_is_reported_once_and_the_old_certificate_stays() {
    let bench = Bench::new();
    let tls = build(bench.settings(&["a.example"], vec![bench.files("a", &["a.example"])]));
    let client = bench.trusting();
    let before = client.connect(&tls, "a.example").await.unwrap().leaf;
    let (chain, key) = bench.issue(&["a.example"], |_| {});
    bench.write("a.crt", &chain); // the new key is not there yet
    assert!(matches!(tls.poll(), Err(TlsError::KeyMismatch { .. })));
    assert!(!tls.poll().unwrap());
    assert_eq!(client.connect(&tls, "a.example").await.unwrap().leaf, before);
    bench.write("a.key", &key);
    assert!(tls.poll().unwrap());
    assert_ne!(client.connect(&tls, "a.example").await.unwrap().leaf, before);
}

#[tokio::test]
async fn other_settings_apply_or_leave_all_as_it_was() {
    let bench = Bench::new();
    let (one, two) = (bench.files("one", &["one.example"]), bench.files("two", &["two.example"]));
    let tls = build(bench.settings(&["one.example"], vec![one.clone()]));
    assert!(tls.apply(bench.settings(&["one.example", "two.example"], vec![one.clone()])).is_err());
    assert!(bench.trusting().connect(&tls, "one.example").await.is_ok());
    tls.apply(bench.settings(&["one.example", "two.example"], vec![one, two])).unwrap();
    assert!(bench.trusting().connect(&tls, "two.example").await.is_ok());
    assert_eq!(tls.certificates().len(), 2);
}

#[test]
fn a_development_certificate_renews_itself_while_running() {
    let bench = Bench::new();
    let tls = build(Settings { development: true, ..bench.settings(&[], Vec::new()) });
    let ends = |tls: &Tls| tls.certificates()[0].not_after;
    let (first, now) = (ends(&tls), unix_now());
    assert!(!tls.poll_at(now).unwrap(), "our own writing is no change");
    assert!(!tls.poll_at(now + 59 * DAY).unwrap());
    assert!(tls.poll_at(now + 61 * DAY).unwrap());
    assert!(ends(&tls) > first + 50 * DAY);
}
