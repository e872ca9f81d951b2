//! Telling this machine's browsers and programs to trust the development authority, and to stop.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::files;
use super::Authority;

/// What was done about one trust store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The store, in words.
    pub store: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How installing in, or removing from, one store went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The store was changed.
    Done,
    /// It was so already.
    Already,
    /// Nothing was done; `command` does it.
    ToDo {
        /// What is in the way.
        why: String,
        /// A shell command for the user.
        command: String,
    },
    /// It was tried and failed; `command` was run.
    Failed {
        /// What the command said.
        why: String,
        /// The command.
        command: String,
    },
}

/// The trust stores of a machine.
#[derive(Clone, Debug, Default)]
pub struct Stores {
    /// Folder of local authorities and the command that takes them over.
    pub system: Option<(PathBuf, &'static str)>,
    /// Whether this process may write there.
    pub may_write_system: bool,
    /// NSS databases of Chromium and Firefox profiles.
    pub nss: Vec<PathBuf>,
}

/// Debian's and Fedora's places, in this order.
const SYSTEM: [(&str, &str); 2] =
    [("/usr/local/share/ca-certificates", "update-ca-certificates"), ("/etc/pki/ca-trust/source/anchors", "update-ca-trust")];

/// Folders below the home folder in which Firefox keeps profiles.
const FIREFOX: [&str; 3] = [".mozilla/firefox", "snap/firefox/common/.mozilla/firefox", ".config/mozilla/firefox"];

impl Stores {
    /// The stores found on this machine for the user whose home folder this is.
    pub fn find(home: Option<&Path>) -> Self {
        let system = SYSTEM
            .iter()
            .find(|(folder, _)| Path::new(folder).is_dir())
            .map(|(folder, command)| (PathBuf::from(folder), *command));
        Self { system, may_write_system: rustix::process::geteuid().is_root(), nss: home.map(nss_databases).unwrap_or_default() }
    }
}

/// Chromium's shared database, present or not, and every Firefox profile.
fn nss_databases(home: &Path) -> Vec<PathBuf> {
    let profiles = FIREFOX
        .iter()
        .filter_map(|folder| fs::read_dir(home.join(folder)).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|profile| profile.join("cert9.db").is_file());
    std::iter::once(home.join(".pki/nssdb")).chain(profiles).collect()
}

/// Roots of this folder that were put into trust stores, one name a line: those made since are found and taken out.
const TRUSTED: &str = "trusted";

impl Authority {
    /// Installs the root where it can, and says what is left to do where it cannot. Earlier roots of the same folder
    /// are taken out: nobody would remember them.
    pub fn trust(&self, stores: &Stores) -> Vec<Step> {
        let (mut steps, mut names) = self.retire(stores);
        steps.push(self.trust_system(stores));
        steps.extend(stores.nss.iter().map(|database| self.trust_nss(database)));
        names.push(self.nickname());
        self.remember(&names);
        steps
    }

    /// Takes the root out again, and earlier ones.
    pub fn untrust(&self, stores: &Stores) -> Vec<Step> {
        let (mut steps, names) = self.retire(stores);
        steps.extend(take_out(&self.nickname(), stores));
        self.remember(&names);
        steps
    }

    /// Takes earlier roots out of every store they are in; the names of those that are still in one.
    fn retire(&self, stores: &Stores) -> (Vec<Step>, Vec<String>) {
        let remembered = fs::read_to_string(self.folder.join(TRUSTED)).unwrap_or_default();
        let current = self.nickname();
        let is_ours = |name: &&str| name.starts_with(NAME) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let (mut steps, mut left) = (Vec::new(), Vec::new());
        for name in remembered.lines().filter(is_ours).filter(|name| *name != current) {
            let tried = take_out(name, stores).into_iter().filter(|step| step.outcome != Outcome::Already);
            let before = steps.len();
            steps.extend(tried.map(|step| Step { store: format!("{}, earlier root", step.store), ..step }));
            if steps.iter().skip(before).any(|step| step.outcome != Outcome::Done) {
                left.push(name.to_owned());
            }
        }
        (steps, left)
    }

    /// Best effort: a name that is lost is a root that stays trusted until it expires.
    fn remember(&self, names: &[String]) {
        let _ = files::write_atomic(&self.folder.join(TRUSTED), names.join("\n").as_bytes(), 0o600);
    }

    /// The name of this root in trust stores, unlike any other's.
    fn nickname(&self) -> String {
        format!("{NAME}{}", self.root.sha256.get(..16).unwrap_or_default())
    }

    fn trust_system(&self, stores: &Stores) -> Step {
        let Some((folder, update)) = &stores.system else {
            return Step {
                store: "system".into(),
                outcome: Outcome::ToDo {
                    why: "no known place for local authorities on this system".into(),
                    command: format!("add {} with your system's own tool", self.root.path.display()),
                },
            };
        };
        let target = folder.join(self.nickname()).with_extension("crt");
        let copy = format!("install -m 644 {} {}", quote(&self.root.path), quote(&target));
        let outcome = if fs::read(&target).ok().as_deref() == Some(self.root.pem.as_bytes()) {
            Outcome::Already
        } else if !stores.may_write_system {
            needs_root(&format!("{copy} && {update}"))
        } else if let Err(error) = files::write_atomic(&target, self.root.pem.as_bytes(), 0o644) {
            Outcome::Failed { why: error.to_string(), command: copy }
        } else {
            let outcome = run(update, &[]);
            if outcome != Outcome::Done {
                let _ = fs::remove_file(&target); // or the next attempt would take it for done
            }
            outcome
        };
        Step { store: format!("system ({})", folder.display()), outcome }
    }

    fn trust_nss(&self, database: &Path) -> Step {
        let name = self.nickname();
        if is_in_nss(&name, database) {
            return nss_step(database, Outcome::Already);
        }
        if let Some(missing) = make_nss(database) {
            return nss_step(database, missing);
        }
        let store = nss_argument(database);
        let add = ["-A", "-d", &store, "-t", "C,,", "-n", &name, "-i"].map(OsStr::new);
        let arguments = add.into_iter().chain([self.root.path.as_os_str()]).collect::<Vec<_>>();
        nss_step(database, run("certutil", &arguments))
    }
}

/// What the names of our roots in trust stores begin with.
const NAME: &str = "gambeson-";

fn take_out(name: &str, stores: &Stores) -> Vec<Step> {
    let system = stores.system.iter().map(|system| untrust_system(name, system, stores.may_write_system));
    let nss = stores.nss.iter().filter(|database| database.join("cert9.db").is_file());
    system.chain(nss.map(|database| untrust_nss(name, database))).collect()
}

fn untrust_system(name: &str, (folder, update): &(PathBuf, &'static str), may_write: bool) -> Step {
    let target = folder.join(name).with_extension("crt");
    let command = format!("rm {} && {update}", quote(&target));
    let outcome = if !target.exists() {
        Outcome::Already
    } else if !may_write {
        needs_root(&command)
    } else if let Err(error) = fs::remove_file(&target) {
        Outcome::Failed { why: error.to_string(), command }
    } else {
        run(update, &[])
    };
    Step { store: format!("system ({})", folder.display()), outcome }
}

fn untrust_nss(name: &str, database: &Path) -> Step {
    if installed("certutil") && !is_in_nss(name, database) {
        return nss_step(database, Outcome::Already);
    }
    let store = nss_argument(database);
    nss_step(database, run("certutil", &["-D", "-d", &store, "-n", name].map(OsStr::new)))
}

fn is_in_nss(name: &str, database: &Path) -> bool {
    let store = nss_argument(database);
    let listed = Command::new("certutil").args(["-L", "-d", &store, "-n", name]).output();
    listed.is_ok_and(|output| output.status.success())
}

/// Makes the database when it is missing: Chromium reads it, and never asks for a pass phrase of an empty one.
fn make_nss(database: &Path) -> Option<Outcome> {
    if database.join("cert9.db").is_file() {
        return None;
    }
    if let Err(error) = fs::create_dir_all(database) {
        let command = format!("mkdir -p {}", quote(database));
        return Some(Outcome::Failed { why: error.to_string(), command });
    }
    let store = nss_argument(database);
    match run("certutil", &["-N", "-d", &store, "--empty-password"].map(OsStr::new)) {
        Outcome::Done => None,
        other => Some(other),
    }
}

fn nss_argument(database: &Path) -> String {
    format!("sql:{}", database.display())
}

fn nss_step(database: &Path, outcome: Outcome) -> Step {
    Step { store: format!("browser ({})", database.display()), outcome }
}

fn needs_root(command: &str) -> Outcome {
    Outcome::ToDo {
        why: "the system's store belongs to root".into(),
        command: format!("sudo sh -c {}", quote(Path::new(command))),
    }
}

/// Runs a program to its end; its words are kept when it fails.
fn run(program: &str, arguments: &[&OsStr]) -> Outcome {
    let words = arguments.iter().map(|word| quote(Path::new(word)));
    let command = std::iter::once(program.to_owned()).chain(words).collect::<Vec<_>>().join(" ");
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Outcome::Done,
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Outcome::Failed { why, command }
        }
        Err(_) if program == "certutil" => Outcome::ToDo {
            why: "certutil is not installed (Debian: libnss3-tools, Fedora: nss-tools)".into(),
            command: format!("sudo apt install libnss3-tools && {command}"),
        },
        Err(error) => Outcome::Failed { why: error.to_string(), command },
    }
}

fn installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

/// A word safe to paste into a shell.
fn quote(word: &Path) -> String {
    let text = word.display().to_string();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-:=,+@".contains(&b);
    match !text.is_empty() && text.bytes().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
