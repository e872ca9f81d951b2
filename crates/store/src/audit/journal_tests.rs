use super::*;
use crate::audit::{LogReader, Verification, verify};
use proptest::prelude::*;

pub(crate) struct Fixture {
    _folder: tempfile::TempDir,
    pub(crate) state: StateDir,
}

pub(crate) const TIME: &str = "2026-01-02T03:04:05.678Z";

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(&folder.path().join("state")).unwrap();
        Self { _folder: folder, state }
    }

    pub(crate) fn journal(&self, file_bytes_max: u64, files_max: usize) -> Journal {
        Journal::open(&self.state, Limits { file_bytes_max, files_max }).unwrap()
    }

    pub(crate) fn files(&self) -> Vec<LogFile> {
        list(&self.state.subdir(DIR).unwrap()).unwrap()
    }

    pub(crate) fn verify(&self) -> Verification {
        verify(&self.state).unwrap()
    }

    fn kinds(&self) -> Vec<String> {
        let entries = LogReader::open(&self.state).unwrap().tail(10_000).unwrap().0;
        let kind = |event: &Event| serde_json::to_value(event).unwrap()["kind"].as_str().unwrap().to_owned();
        entries.iter().map(|entry| kind(&entry.event)).collect()
    }
}

pub(crate) fn notices(count: usize) -> Vec<String> {
    (0..count).map(|i| Event::notice("test", format!("number {i}")).to_line().unwrap()).collect()
}

#[test]
fn the_chain_goes_on_over_rotated_files_and_old_ones_leave() {
    let fixture = Fixture::new();
    let mut journal = fixture.journal(2_000, 3);
    for _ in 0..40 {
        journal.append(TIME, &notices(3)).unwrap();
    }
    let found = fixture.verify();
    assert_eq!(found.problems, []);
    assert_eq!((found.files, fixture.files().len()), (3, 3));
    assert!(found.first > 1 && found.last > 120, "{found:?}");
    for log in fixture.files() {
        let found = fs::metadata(&log.path).unwrap();
        assert_eq!(found.mode() & 0o777, 0o600);
        assert!(found.len() < 4_000);
    }
}

#[test]
fn another_process_that_appends_in_turn_keeps_one_chain() {
    let fixture = Fixture::new();
    let (mut old, mut new) = (fixture.journal(2_000, 50), fixture.journal(2_000, 50));
    for _ in 0..50 {
        old.append(TIME, &notices(1)).unwrap();
        new.append(TIME, &notices(2)).unwrap();
    }
    let found = fixture.verify();
    assert_eq!((found.problems, found.recovered), (vec![], 0));
    assert_eq!(found.last, 150 + fixture.files().len() as u64);
}

#[test]
fn a_half_written_line_is_cut_and_that_is_recorded() {
    let fixture = Fixture::new();
    fixture.journal(1 << 20, 9).append(TIME, &notices(2)).unwrap();
    let path = fixture.files()[0].path.clone();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(br#"{"seq":4,"time":"2026-0"#).unwrap();
    let found = fixture.verify();
    assert_eq!((found.problems.len(), found.problems[0].line), (1, 4));
    assert!(found.problems[0].what.contains("unfinished"), "{found:?}");
    fixture.journal(1 << 20, 9).append(TIME, &notices(1)).unwrap();
    let found = fixture.verify();
    assert_eq!((found.problems, found.recovered, found.last), (vec![], 1, 5));
    assert_eq!(fixture.kinds(), ["opened", "notice", "notice", "recovered", "notice"]);
}

#[test]
fn lines_written_before_a_crash_could_say_so_are_kept() {
    let fixture = Fixture::new();
    let mut journal = fixture.journal(1 << 20, 9);
    journal.append(TIME, &notices(1)).unwrap();
    let head = fs::read(fixture.state.file("audit.head")).unwrap();
    journal.append(TIME, &notices(1)).unwrap();
    fs::write(fixture.state.file("audit.head"), head).unwrap();
    fixture.journal(1 << 20, 9).append(TIME, &notices(1)).unwrap();
    let found = fixture.verify();
    assert_eq!((found.problems, found.recovered, found.last), (vec![], 0, 4));
}

#[test]
fn a_cut_off_end_is_found_while_stopped_and_recorded_at_the_next_start() {
    let fixture = Fixture::new();
    let mut journal = fixture.journal(1 << 20, 9);
    journal.append(TIME, &notices(1)).unwrap();
    let path = fixture.files()[0].path.clone();
    let short = fs::read(&path).unwrap();
    journal.append(TIME, &notices(5)).unwrap();
    fs::write(&path, short).unwrap();
    assert!(fixture.verify().problems[0].what.contains("lines 3 to 7"), "{:?}", fixture.verify());
    // A running process notices as well as a new one.
    journal.append(TIME, &notices(1)).unwrap();
    let entries = LogReader::open(&fixture.state).unwrap().tail(3).unwrap().0;
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [8, 9, 10]);
    assert!(matches!(entries[1].event, Event::Recovered { missing: 5, .. }), "{entries:?}");
    assert!(fixture.verify().problems[0].what.contains("lines 3 to 7 are missing"), "{:?}", fixture.verify());
}

#[test]
fn a_damaged_end_stays_as_evidence_and_a_new_file_begins() {
    for damage in [&b"garbage\n"[..], b"garbage without an end", b""] {
        let fixture = Fixture::new();
        fixture.journal(1 << 20, 9).append(TIME, &notices(3)).unwrap();
        let path = fixture.files()[0].path.clone();
        fs::write(&path, damage).unwrap();
        fixture.journal(1 << 20, 9).append(TIME, &notices(1)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), damage);
        assert_eq!(fixture.files().len(), 2);
        assert_eq!(fixture.verify().recovered, 1);
        assert!(!fixture.verify().problems.is_empty(), "{damage:?}");
    }
}

#[test]
fn a_log_that_was_deleted_is_missed() {
    let fixture = Fixture::new();
    let mut journal = fixture.journal(1 << 20, 9);
    journal.append(TIME, &notices(3)).unwrap();
    fs::remove_file(&fixture.files()[0].path).unwrap();
    assert!(fixture.verify().problems[0].what.contains("1 to 4"));
    journal.append(TIME, &notices(1)).unwrap();
    assert_eq!(fixture.kinds(), ["opened", "recovered", "notice"]);
    assert_eq!(fixture.files()[0].first, 5);
}

#[test]
fn a_disk_that_takes_nothing_leaves_the_log_sound() {
    let fixture = Fixture::new();
    let mut journal = fixture.journal(1 << 20, 9);
    journal.append(TIME, &notices(1)).unwrap();
    let log = fixture.files()[0].clone();
    // A file open for reading only stands for the full disk: writing to it fails.
    let file = File::open(&log.path).unwrap();
    if let Some(current) = &mut journal.current {
        current.file = file;
    }
    assert!(journal.append(TIME, &notices(1)).is_err());
    journal.append(TIME, &notices(1)).unwrap();
    assert_eq!((fixture.verify().problems, fixture.verify().last), (vec![], 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Wherever a crash cuts the file after the last batch that was counted as written, nothing before is lost.
    #[test]
    fn any_crash_point_recovers_to_a_sound_chain(cut in 0_usize..2_000) {
        let fixture = Fixture::new();
        let mut journal = fixture.journal(1 << 20, 9);
        journal.append(TIME, &notices(2)).unwrap();
        let head = fs::read(fixture.state.file("audit.head")).unwrap();
        let path = fixture.files()[0].path.clone();
        let counted = fs::metadata(&path).unwrap().len();
        journal.append(TIME, &notices(8)).unwrap();
        fs::write(fixture.state.file("audit.head"), head).unwrap();
        let length = fs::metadata(&path).unwrap().len();
        let cut = counted + cut as u64 % (length - counted + 1);
        OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
        fixture.journal(1 << 20, 9).append(TIME, &notices(1)).unwrap();
        let found = fixture.verify();
        prop_assert_eq!(found.problems, []);
        prop_assert!(found.last >= 4);
    }
}
