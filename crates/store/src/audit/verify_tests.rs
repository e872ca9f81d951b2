use super::*;
use crate::audit::journal::tests::{Fixture, TIME, notices};
use crate::audit::{AuditLog, LogReader, Settings};
use std::path::Path;

/// A log of three files with about ten lines each.
fn three_files() -> Fixture {
    let fixture = Fixture::new();
    let mut journal = fixture.journal(2_000, 9);
    while fixture.files().len() < 3 {
        journal.append(TIME, &notices(1)).unwrap();
    }
    journal.append(TIME, &notices(3)).unwrap();
    assert_eq!(fixture.verify().problems, []);
    fixture
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

/// Changes the second file and returns the problems: file as a number, line, what.
fn problems_after(change: impl FnOnce(&mut Vec<String>)) -> Vec<(usize, u64, String)> {
    let fixture = three_files();
    let files = fixture.files();
    edit(&files[1].path, change);
    let position = |name: &str| files.iter().position(|log| log.path.display().to_string() == name).unwrap();
    fixture.verify().problems.into_iter().map(|problem| (position(&problem.file), problem.line, problem.what)).collect()
}

#[test]
fn a_changed_line_is_named() {
    let problems = problems_after(|lines| lines[2] = lines[2].replace("number 0", "number 1"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!((problems[0].0, problems[0].1), (1, 3));
    assert!(problems[0].2.contains("changed"));
}

#[test]
fn a_removed_line_is_named() {
    let problems = problems_after(|lines| drop(lines.remove(3)));
    assert_eq!((problems.len(), problems[0].0, problems[0].1), (1, 1, 4), "{problems:?}");
    assert!(problems[0].2.contains("missing"), "{problems:?}");
}

#[test]
fn the_first_and_the_last_line_of_a_file_are_missed_too() {
    let first = problems_after(|lines| drop(lines.remove(0)));
    assert!(first.iter().any(|(file, line, _)| (*file, *line) == (1, 1)), "{first:?}");
    let last = problems_after(|lines| drop(lines.pop()));
    assert_eq!((last.len(), last[0].0, last[0].1), (1, 2, 1), "{last:?}");
}

#[test]
fn a_repeated_or_moved_line_is_named() {
    let repeated = problems_after(|lines| lines.insert(4, lines[3].clone()));
    assert_eq!((repeated[0].0, repeated[0].1), (1, 5), "{repeated:?}");
    let moved = problems_after(|lines| lines.swap(3, 4));
    assert_eq!((moved[0].0, moved[0].1), (1, 4), "{moved:?}");
}

#[test]
fn a_line_without_an_end_or_without_sense_is_named_and_the_rest_is_still_read() {
    let problems = problems_after(|lines| lines[1] = "x".repeat(1 << 20));
    assert_eq!((problems.len(), problems[0].1), (1, 2), "{problems:?}");
    let problems = problems_after(|lines| lines[1].clear());
    assert_eq!((problems.len(), problems[0].1), (1, 2), "{problems:?}");
}

#[test]
fn a_missing_file_is_noticed_wherever_it_was() {
    for (index, word) in [(0, "should still be there"), (1, "are missing"), (2, "the last ones, are missing")] {
        let fixture = three_files();
        fs::remove_file(&fixture.files()[index].path).unwrap();
        let problems = fixture.verify().problems;
        assert!(problems.iter().any(|problem| problem.what.contains(word)), "{index}: {problems:?}");
    }
}

#[test]
fn a_log_of_another_key_does_not_pass() {
    let (fixture, other) = (three_files(), three_files());
    for (ours, theirs) in fixture.files().iter().zip(other.files()) {
        fs::copy(theirs.path, &ours.path).unwrap();
    }
    let found = fixture.verify();
    assert_eq!(found.lines, 0);
    assert!(!found.problems.is_empty());
}

#[test]
fn an_empty_state_directory_has_no_problems() {
    assert_eq!(Fixture::new().verify(), Verification::default());
}

#[test]
fn following_sees_every_line_once_over_rotation_and_find_the_newest_file_first() {
    let fixture = Fixture::new();
    let mut journal = fixture.journal(2_000, 9);
    journal.append(TIME, &notices(5)).unwrap();
    let (last, mut follow) = LogReader::open(&fixture.state).unwrap().tail(2).unwrap();
    assert_eq!(last.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [5, 6]);
    let mut seen = Vec::new();
    for _ in 0..30 {
        journal.append(TIME, &notices(2)).unwrap();
        seen.extend(follow.step().unwrap().iter().map(|entry| entry.seq));
    }
    assert!(fixture.files().len() > 2);
    assert_eq!(seen, (7..=fixture.verify().last).collect::<Vec<_>>());
    assert_eq!(follow.step().unwrap(), []);
    let (all, _) = LogReader::open(&fixture.state).unwrap().tail(25).unwrap();
    assert_eq!(all.len(), 25, "over file borders");
    assert_eq!(LogReader::open(&fixture.state).unwrap().find("test").unwrap(), []);
    drop(AuditLog::open(&fixture.state, Settings::default(), Default::default()).unwrap());
}
