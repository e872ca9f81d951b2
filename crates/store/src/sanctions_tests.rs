use super::*;
use gambeson_core::sanction::Scenario;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

struct House {
    _folder: tempfile::TempDir,
    dir: StateDir,
    sanctions: Sanctions,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(&folder.path().join("state")).unwrap();
        let sanctions = Sanctions::open(&dir, Arc::default(), 0).unwrap();
        Self { _folder: folder, dir, sanctions }
    }

    fn rungs(&self, subject: Subject, now_ms: u64) -> Vec<Rung> {
        rungs(&self.sanctions, subject, now_ms)
    }

    /// Charges until a sanction follows; which.
    fn offend(&self, charge: &Charge, now_ms: u64) -> Option<Sanction> {
        (0..1000).find_map(|_| self.sanctions.charge(charge, now_ms))
    }
}

fn rungs(sanctions: &Sanctions, subject: Subject, now_ms: u64) -> Vec<Rung> {
    match sanctions.answer(&[subject], &Shown::default(), Duration::ZERO, Duration::ZERO, now_ms) {
        Answer::Standing(Some(standing)) => standing.sanctions.iter().map(|sanction| sanction.rung).collect(),
        _ => Vec::new(),
    }
}

fn network(text: &str) -> Subject {
    Subject::try_from(text.to_owned()).unwrap()
}

fn charge(subject: Subject) -> Charge {
    let scenario = Scenario {
        name: "probing".to_owned(),
        count: 10 * Charge::UNIT,
        period: Duration::from_secs(600),
        ladder: vec![Rung::Slow, Rung::Challenge, Rung::Block, Rung::Ban],
        duration: Duration::from_secs(600),
        longest: Duration::from_secs(86_400),
        forget: Duration::from_secs(6 * 3600),
        reach: Reach::All,
    };
    Charge { scenario: Arc::new(scenario), subject, weight: Charge::UNIT, distinct: None, worst: Rung::Ban, is_kept: true }
}

fn distinct(subject: Subject, value: u64) -> Charge {
    Charge { distinct: Some((0, value << 32)), ..charge(subject) }
}

#[test]
fn the_tenth_at_once_is_one_too_many_and_ten_in_a_day_are_not() {
    let (house, fast, slow) = (House::new(), network("192.0.2.1"), network("192.0.2.2"));
    let made: Vec<_> = (0..10).map(|_| house.sanctions.charge(&charge(fast), MINUTE).is_some()).collect();
    assert_eq!(made.iter().position(|made| *made), Some(9));
    assert_eq!(house.rungs(fast, MINUTE), [Rung::Slow]);
    assert!((0..24).all(|hour| house.sanctions.charge(&charge(slow), hour * HOUR).is_none()));
    assert!(house.rungs(slow, 0).is_empty());
}

#[test]
fn each_offence_climbs_and_lasts_longer_until_it_is_forgotten() {
    let (house, subject) = (House::new(), network("192.0.2.1"));
    let mut now = 0;
    let mut seen = Vec::new();
    for _ in 0..6 {
        let sanction = house.offend(&charge(subject), now).unwrap();
        seen.push((sanction.rung, (sanction.until_ms - now) / MINUTE));
        now = sanction.until_ms;
    }
    let expected =
        [(Rung::Slow, 10), (Rung::Challenge, 20), (Rung::Block, 40), (Rung::Ban, 80), (Rung::Ban, 160), (Rung::Ban, 320)];
    assert_eq!(seen, expected);
    let forgiven = house.offend(&charge(subject), now + 7 * HOUR).unwrap();
    assert_eq!((forgiven.rung, forgiven.offences), (Rung::Slow, 1));
}

#[test]
fn a_sanction_is_never_longer_than_the_longest() {
    let (house, subject) = (House::new(), network("192.0.2.1"));
    let longest = (0..40).filter_map(|_| house.offend(&charge(subject), 0)).map(|sanction| sanction.until_ms).max();
    assert_eq!(longest, Some(24 * HOUR));
}

#[test]
fn only_different_values_count() {
    let (house, subject) = (House::new(), network("192.0.2.1"));
    assert!((0..500).all(|i| house.sanctions.charge(&distinct(subject, i % 9), 0).is_none()), "nine broken links");
    assert!(house.sanctions.charge(&distinct(subject, 9), 0).is_some());
    let later = network("192.0.2.2");
    assert!((0..50).all(|i| house.sanctions.charge(&distinct(later, i), i * 2 * MINUTE).is_none()), "one every two minutes");
}

#[test]
fn what_a_foreign_page_brought_about_ends_at_a_challenge_and_is_not_remembered() {
    let (house, subject) = (House::new(), network("192.0.2.1"));
    let mild = Charge { worst: Rung::Challenge, ..charge(subject) };
    let worst = (0..20).filter_map(|_| house.offend(&mild, 0)).map(|sanction| sanction.rung).max();
    assert_eq!(worst, Some(Rung::Challenge), "whoever claims it is challenged, and not only slowed");
    assert!(house.rungs(subject, 81 * MINUTE).is_empty(), "and not for days");
    assert_eq!(house.offend(&charge(subject), 81 * MINUTE).unwrap().rung, Rung::Slow);
}

#[test]
fn a_lighter_sanction_takes_no_heavier_ones_place() {
    let (house, subject) = (House::new(), network("192.0.2.1"));
    while house.offend(&charge(subject), 0).unwrap().rung < Rung::Block {}
    assert!(house.offend(&Charge { worst: Rung::Challenge, ..charge(subject) }, 0).is_none());
    assert_eq!(house.rungs(subject, 0), [Rung::Block]);
}

#[test]
fn the_login_and_the_rest_are_sanctioned_apart() {
    let (house, subject) = (House::new(), network("192.0.2.1"));
    let mut login = charge(subject);
    login.scenario = Arc::new(Scenario {
        name: "brute-force".to_owned(),
        count: 40,
        period: Duration::from_secs(600),
        ladder: vec![Rung::Block],
        duration: Duration::from_secs(600),
        longest: Duration::from_secs(600),
        forget: Duration::ZERO,
        reach: Reach::Login,
    });
    house.offend(&login, 0).unwrap();
    house.offend(&Charge { worst: Rung::Slow, ..charge(subject) }, 0).unwrap();
    assert_eq!(house.rungs(subject, 0), [Rung::Block, Rung::Slow]);
}

#[test]
fn a_session_is_ended_and_its_network_untouched() {
    let (house, session, office) = (House::new(), Subject::Session(7), network("192.0.2.1"));
    let rungs: Vec<_> = (0..4).filter_map(|_| house.offend(&charge(session), 0)).map(|sanction| sanction.rung).collect();
    assert_eq!(rungs, [Rung::Slow, Rung::Challenge, Rung::Block, Rung::Ban].map(|rung| rung.fit(session)));
    assert!(house.rungs(office, 0).is_empty());
    assert!(BanFile::new(house.dir.clone()).bans(0).unwrap().is_empty(), "no session is written down");
}

#[test]
fn a_ban_outlives_the_process_and_nothing_else_does() {
    let (house, banned, blocked) = (House::new(), network("2001:db8::7"), network("192.0.2.2"));
    while house.offend(&charge(banned), 0).unwrap().rung < Rung::Ban {}
    while house.offend(&charge(blocked), 0).unwrap().rung < Rung::Block {}
    let next = Sanctions::open(&house.dir, Arc::default(), MINUTE).unwrap();
    assert_eq!(rungs(&next, banned, MINUTE), [Rung::Ban]);
    assert_eq!(rungs(&next, network("2001:db8::ffff:1"), MINUTE), [Rung::Ban], "the same /64");
    assert!(rungs(&next, network("2001:db8:0:1::7"), MINUTE).is_empty() && rungs(&next, blocked, MINUTE).is_empty());
    let again = Sanctions::open(&house.dir, Arc::default(), 81 * MINUTE).unwrap();
    assert!(rungs(&again, banned, 81 * MINUTE).is_empty(), "it is over");
}

#[test]
fn a_ban_that_only_a_report_earned_is_not_kept() {
    let (house, subject) = (House::new(), network("192.0.2.1"));
    let trial = Charge { is_kept: false, ..charge(subject) };
    while house.offend(&trial, 0).unwrap().rung < Rung::Ban {}
    assert_eq!(house.rungs(subject, 0), [Rung::Ban]);
    assert!(BanFile::new(house.dir.clone()).bans(0).unwrap().is_empty());
}

#[test]
fn the_operator_bans_and_lifts_for_every_process() {
    let (house, subject) = (House::new(), network("192.0.2.1"));
    let operator = BanFile::new(house.dir.clone());
    let ban = by_operator(subject, "spam", Duration::from_secs(3600), 0);
    operator.ban(&ban, 0).unwrap();
    assert_eq!(house.rungs(subject, SECOND), [Rung::Ban]);
    operator.lift(&ban.id, SECOND).unwrap();
    house.sanctions.follow(SECOND).unwrap();
    assert!(house.rungs(subject, SECOND).is_empty());
    assert_eq!(house.offend(&charge(subject), SECOND).unwrap().rung, Rung::Slow, "lifted is forgiven");
    operator.lift("192.0.2.1", 2 * SECOND).unwrap();
    house.sanctions.follow(2 * SECOND).unwrap();
    assert!(house.rungs(subject, 2 * SECOND).is_empty(), "what is not in the file is lifted, too");
}

#[test]
fn a_ban_that_another_process_lifted_and_tidied_away_is_over() {
    let (house, subject) = (House::new(), network("192.0.2.1"));
    while house.offend(&charge(subject), 0).unwrap().rung < Rung::Ban {}
    house.sanctions.follow(0).unwrap();
    let operator = BanFile::new(house.dir.clone());
    operator.lift("192.0.2.1", 0).unwrap();
    operator.tidy(0).unwrap();
    house.sanctions.follow(0).unwrap();
    assert!(house.rungs(subject, 0).is_empty());
}

#[test]
fn without_a_sanction_nobody_is_looked_up() {
    let house = House::new();
    let asked = |now| house.sanctions.answer(&[network("192.0.2.1")], &Shown::default(), Duration::ZERO, Duration::ZERO, now);
    assert_eq!(asked(0), Answer::Standing(None));
    house.offend(&charge(network("192.0.2.2")), 0).unwrap();
    assert_eq!(asked(0), Answer::Standing(None));
}

#[test]
fn a_clock_that_is_set_back_neither_lifts_a_sanction_nor_makes_it_last() {
    let (house, subject) = (House::new(), network("192.0.2.1"));
    let late = 1000 * HOUR;
    let sanction = house.offend(&charge(subject), late).unwrap();
    assert_eq!(sanction.until_ms, late + 10 * MINUTE);
    let now = HOUR;
    assert_eq!(house.rungs(subject, now), [Rung::Slow]);
    assert_eq!(house.rungs(subject, now + 9 * MINUTE), [Rung::Slow]);
    assert!(house.rungs(subject, now + 11 * MINUTE).is_empty());
    let other = network("192.0.2.2");
    assert!((0..9).all(|_| house.sanctions.charge(&charge(other), late).is_none()));
    assert!((0..9).all(|_| house.sanctions.charge(&charge(other), now).is_none()), "counted anew");
}

#[test]
fn bans_are_followed_after_the_clock_was_set_back() {
    let house = House::new();
    assert!(house.rungs(network("192.0.2.1"), 1000 * HOUR).is_empty());
    let operator = BanFile::new(house.dir.clone());
    operator.ban(&by_operator(network("192.0.2.1"), "spam", Duration::from_secs(600), HOUR), HOUR).unwrap();
    assert_eq!(house.rungs(network("192.0.2.1"), HOUR + 1), [Rung::Ban]);
}

#[test]
fn a_ban_that_cannot_be_written_holds_here_all_the_same() {
    let (house, subject) = (House::new(), network("192.0.2.1"));
    std::fs::create_dir(house.dir.file("bans.lock")).unwrap();
    while house.offend(&charge(subject), 0).unwrap().rung < Rung::Ban {}
    assert!(house.sanctions.metrics.render().contains("gambeson_bans_unwritten_total 1\n"));
    std::fs::remove_dir(house.dir.file("bans.lock")).unwrap();
    BanFile::new(house.dir.clone()).ban(&by_operator(network("192.0.2.9"), "", Duration::from_secs(60), 0), 0).unwrap();
    assert_eq!(house.rungs(subject, 2 * SECOND), [Rung::Ban], "the others' file does not end it");
}
