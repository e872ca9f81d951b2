use super::*;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};

fn fresh() -> (tempfile::TempDir, StateDir) {
    let folder = tempfile::tempdir().unwrap();
    let dir = StateDir::open(&folder.path().join("state")).unwrap();
    (folder, dir)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn directories_are_0700_and_files_0600_whatever_is_made() {
    let (_folder, dir) = fresh();
    dir.write("key", b"secret").unwrap();
    let sub = dir.subdir("audit").unwrap();
    assert_eq!((mode(dir.path()), mode(sub.path()), mode(&dir.file("key"))), (0o700, 0o700, 0o600));
    assert_eq!(dir.read("key", 6).unwrap().unwrap(), b"secret");
    assert_eq!(dir.read("other", 6).unwrap(), None);
}

#[test]
fn git_is_told_to_leave_it_alone() {
    let (_folder, dir) = fresh();
    let sub = dir.subdir("audit").unwrap();
    assert_eq!(dir.read(".gitignore", 9).unwrap().unwrap(), b"*\n");
    assert_eq!(sub.read(".gitignore", 9).unwrap(), None);
    // Whoever takes it away has a reason.
    fs::remove_file(dir.file(".gitignore")).unwrap();
    StateDir::open(dir.path()).unwrap();
    assert_eq!(dir.read(".gitignore", 9).unwrap(), None);
}

#[test]
fn what_is_open_to_others_is_refused_with_its_fix() {
    let (_folder, dir) = fresh();
    dir.write("key", b"secret").unwrap();
    for mode in [0o640, 0o604, 0o660] {
        chmod(&dir.file("key"), mode);
        let text = dir.read("key", 99).unwrap_err().to_string();
        assert!(text.contains("chmod 600"), "{text}");
    }
    for mode in [0o750, 0o705, 0o710, 0o701] {
        chmod(dir.path(), mode);
        let text = StateDir::open(dir.path()).unwrap_err().to_string();
        assert!(text.contains("chmod 700") && text.contains(&format!("{mode:04o}")), "{text}");
    }
    chmod(dir.path(), 0o700);
    chmod(&dir.file("key"), 0o400);
    assert!(StateDir::open(dir.path()).unwrap().read("key", 99).is_ok());
}

#[test]
fn what_belongs_to_someone_else_is_refused() {
    // Only root can give a directory away; any other account sees root's `/root` or `/` instead.
    let (_folder, dir) = fresh();
    let given = std::os::unix::fs::chown(dir.path(), Some(12_345), None).is_ok();
    let path = if given { dir.path() } else { Path::new("/") };
    assert!(matches!(StateDir::open(path), Err(StateError::NotOurs { .. })));
}

#[test]
fn links_devices_and_giants_are_not_read() {
    let (folder, dir) = fresh();
    symlink(dir.path(), folder.path().join("link")).unwrap();
    assert!(matches!(StateDir::open(&folder.path().join("link")), Err(StateError::WrongKind { .. })));
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(matches!(StateDir::open(&folder.path().join("file")), Err(StateError::WrongKind { .. })));
    dir.subdir("sub").unwrap();
    assert!(matches!(dir.read("sub", 9), Err(StateError::WrongKind { .. })));
    dir.write("large", &[0; 10]).unwrap();
    assert!(matches!(dir.read("large", 9), Err(StateError::TooLarge { .. })));
}

#[test]
fn writing_replaces_all_or_nothing_and_leaves_no_litter() {
    let (_folder, dir) = fresh();
    dir.write("key", b"old").unwrap();
    dir.write("key", b"new").unwrap();
    dir.subdir("taken").unwrap();
    assert!(dir.write("taken", b"a file cannot replace a directory").is_err());
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".gitignore", "key", "taken"]);
    assert_eq!(dir.read("key", 9).unwrap().unwrap(), b"new");
}

#[test]
fn everyone_who_makes_a_key_at_once_gets_the_same_one() {
    let (_folder, dir) = fresh();
    let make = |i: u8| dir.read_or_make("key", 99, || Ok(vec![i; 32])).unwrap();
    let keys: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|i| scope.spawn(move || make(i))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| key == &keys[0]));
    assert!(dir.read_or_make("none", 9, || Err(io::ErrorKind::Other.into())).is_err());
}
