//! The socket in the state directory through which a process is told to reload, and hands its sockets over.
//!
//! It lies in a folder that only our account can enter. One line asks, one answers:
//! `reload` → `ok` and each key that waits for a restart, or what is wrong; `app` → the address of
//! the app; `sanctions` → those in force, as JSON, after the file of bans was read again; `take over` → the listening sockets as ancillary data (SCM_RIGHTS) with their number, then the session-ticket keys; when the new process serves it says `done`, and the old one drains.

use crate::{
    listeners::Listeners,
    tls::{Tickets, Tls, TlsError},
};
use gambeson_core::{
    policy::{FromText as _, UpstreamAddress},
    sanction::Sanction,
};
use gambeson_store::state_dir::StateDir;
use rustix::{
    fd::{AsFd, OwnedFd},
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recvmsg,
        sendmsg,
    },
};
use std::{
    ffi::{OsStr, OsString},
    io::{self, BufRead, BufReader, IoSlice, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    os::unix::{ffi::OsStrExt as _, net::UnixStream},
    path::PathBuf,
    time::Duration,
};
use tokio::task::JoinHandle;

const SOCKET: &str = "control.sock";
/// How long the other process may take with each step.
const PATIENCE: Duration = Duration::from_secs(20);
/// Sockets that can be handed over at once.
const FDS_MAX: usize = 128;
/// An answer is not longer: all sanctions that can be in force.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Ticket keys take a few hundred bytes.
const TICKETS_BYTES_MAX: usize = 64 * 1024;

/// Why a serving process could not be spoken to.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ControlError {
    #[error("no process serves from {0}; start one with `gambeson serve`")]
    Nobody(PathBuf),
    #[error("the serving process does not answer as it should: {0}")]
    Talk(#[from] io::Error),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Where a serving process listens to its operator.
pub(super) struct Control {
    listener: tokio::net::UnixListener,
    /// A question that is being read: it outlives a caller that turns to something else meanwhile.
    asking: Option<JoinHandle<io::Result<Option<Request>>>>,
}

/// What the operator asks.
pub(super) enum Request {
    Reload(Reply),
    App(Reply),
    Sanctions(Reply),
    TakeOver(HandOver),
}

/// Where the answer goes.
pub(super) struct Reply(UnixStream);

/// The process that takes over.
pub(super) struct HandOver(UnixStream);

/// What the process before handed over.
pub(super) struct Handed {
    pub(super) listeners: Listeners,
    pub(super) tickets: Tickets,
    pub(super) old: Old,
}

/// The process before, which waits for us to serve.
pub(super) struct Old(UnixStream);

impl Old {
    /// Tells it that we serve.
    pub(super) fn finish(mut self) {
        let _gone = self.0.write_all(b"done\n");
    }
}

impl Control {
    pub(super) fn bind(state: &StateDir) -> io::Result<Self> {
        // Bound beside and renamed over: there is a working socket at every moment, the old process's or ours.
        let (path, fresh) = (state.file(SOCKET), state.file(&format!("{SOCKET}.{}", std::process::id())));
        let _absent = std::fs::remove_file(&fresh);
        let listener = tokio::net::UnixListener::bind(&fresh)?;
        std::fs::rename(&fresh, &path)?;
        Ok(Self { listener, asking: None })
    }

    /// The next thing that is asked. Nothing is lost when it is not awaited to the end.
    pub(super) async fn next(&mut self) -> Request {
        loop {
            if self.asking.is_none() {
                let Ok((stream, _)) = self.listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                self.asking = Some(tokio::task::spawn_blocking(move || ask(stream.into_std()?)));
            }
            let Some(asking) = &mut self.asking else { continue };
            let read = asking.await;
            self.asking = None;
            if let Ok(Ok(Some(request))) = read {
                return request;
            }
        }
    }
}

fn ask(stream: UnixStream) -> io::Result<Option<Request>> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(Read::take(&stream, 64)).read_line(&mut line)?;
    Ok(match line.trim_end() {
        "reload" => Some(Request::Reload(Reply(stream))),
        "app" => Some(Request::App(Reply(stream))),
        "sanctions" => Some(Request::Sanctions(Reply(stream))),
        "take over" => Some(Request::TakeOver(HandOver(stream))),
        _ => None,
    })
}

impl Reply {
    pub(super) fn reloaded(self, result: Result<Vec<&'static str>, String>) {
        self.send(&result.map_or_else(|why| why, |waiting| [vec!["ok"], waiting].concat().join("\n")));
    }

    pub(super) fn send(mut self, text: &str) {
        let _gone = writeln!(self.0, "{text}");
    }
}

impl HandOver {
    /// Hands the sockets over; `true` when the other process serves now.
    pub(super) fn send(self, listeners: &Listeners, tls: Option<&Tls>) -> bool {
        let tickets = tls.map(|tls| tls.tickets().to_bytes()).unwrap_or_default();
        self.try_send(listeners, &tickets).unwrap_or(false)
    }

    fn try_send(mut self, listeners: &Listeners, tickets: &[u8]) -> io::Result<bool> {
        let (fds, https, http) = listeners.duplicate()?;
        let line = format!("{https} {http} {}\n", tickets.len());
        let borrowed: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !ancillary.push(SendAncillaryMessage::ScmRights(&borrowed)) {
            return Err(io::Error::other("too many sockets to hand over"));
        }
        let first = line.as_bytes();
        sendmsg(&self.0, &[IoSlice::new(first)], &mut ancillary, SendFlags::empty())?;
        self.0.write_all(tickets)?;
        self.0.set_read_timeout(Some(PATIENCE))?;
        let mut answer = String::new();
        BufReader::new(Read::take(&self.0, 16)).read_line(&mut answer)?;
        Ok(answer.trim_end() == "done")
    }
}

/// Asks the process that serves from this directory to read its policy again; gives the keys of it that wait for a restart.
///
/// # Errors
/// When there is none, or the policy is bad: then the old one stays in force.
pub fn reload(state: &StateDir) -> Result<Vec<String>, ControlError> {
    let answer = question(state, "reload")?;
    let mut lines = answer.lines();
    match lines.next() {
        Some("ok") => Ok(lines.map(str::to_owned).collect()),
        None => Err(ControlError::Refused("the serving process gave no answer".to_owned())),
        Some(_) => Err(ControlError::Refused(answer.trim_end().to_owned())),
    }
}

/// Asks the process that serves from this directory where the app listens: `gambeson run` gives it a place of its own.
///
/// # Errors
/// When there is none, or it gives no address.
pub fn app_address(state: &StateDir) -> Result<UpstreamAddress, ControlError> {
    UpstreamAddress::from_text(question(state, "app")?.trim_end()).map_err(|wrong| ControlError::Refused(wrong.message))
}

/// Asks the process that serves from this directory to read the file of bans again; gives every sanction then in force.
///
/// # Errors
/// When there is none, or it gives no list.
pub fn sanctions(state: &StateDir) -> Result<Vec<Sanction>, ControlError> {
    serde_json::from_str(&question(state, "sanctions")?).map_err(|error| ControlError::Refused(error.to_string()))
}

fn question(state: &StateDir, question: &str) -> Result<String, ControlError> {
    let mut stream = connect(state)?;
    writeln!(stream, "{question}")?;
    let mut answer = String::new();
    Read::take(&stream, ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

fn connect(state: &StateDir) -> Result<UnixStream, ControlError> {
    let stream = UnixStream::connect(state.file(SOCKET)).map_err(|_| ControlError::Nobody(state.path().to_owned()))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Takes the sockets over from the process that serves from this directory.
pub(super) fn take_over(state: &StateDir) -> Result<Handed, ControlError> {
    let mut stream = connect(state)?;
    stream.write_all(b"take over\n")?;
    let (line, fds) = receive(&stream)?;
    let mut numbers = line.split(' ').map(str::parse::<usize>);
    let (Some(Ok(https)), Some(Ok(http)), Some(Ok(length))) = (numbers.next(), numbers.next(), numbers.next()) else {
        return Err(ControlError::Refused("the serving process speaks another version of this protocol".to_owned()));
    };
    let mut keys = vec![0; usize::min(length, TICKETS_BYTES_MAX)];
    stream.read_exact(&mut keys)?;
    let tickets = match Tickets::from_bytes(&keys) {
        Some(tickets) => tickets,
        None => Tickets::new()?,
    };
    Ok(Handed { listeners: Listeners::adopt(fds, https, http), tickets, old: Old(stream) })
}

/// The first line, byte by byte so that nothing behind it is taken, with the sockets that came along.
fn receive(stream: &UnixStream) -> Result<(String, Vec<OwnedFd>), ControlError> {
    let (mut line, mut fds) = (Vec::new(), Vec::new());
    while line.last() != Some(&b'\n') && line.len() < 64 {
        let mut byte = [0_u8];
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(stream, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)
            .map_err(io::Error::from)?;
        if received.bytes == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        line.extend_from_slice(&byte);
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
    }
    Ok((String::from_utf8_lossy(&line).trim_end().to_owned(), fds))
}

/// Starts this program once more, with the same arguments and the task to take over (SIGUSR2): how a new version or a
/// new listening address comes into use without a gap.
pub(super) fn replace_self() {
    let started = program().and_then(|program| {
        let arguments = next_arguments(std::env::args_os().skip(1));
        std::process::Command::new(program).args(arguments).spawn()
    });
    if let Err(error) = started {
        super::say(&format!("the next process cannot be started: {error}"));
    }
}

/// The file that this program was started from, or what lies there now: when an upgrade has put another file in its
/// place, Linux marks the old one's name so.
fn program() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let text = program.as_os_str().as_encoded_bytes();
    Ok(match text.strip_suffix(b" (deleted)") {
        Some(name) if !program.exists() => PathBuf::from(OsStr::from_bytes(name)),
        _ => program,
    })
}

/// Our own arguments and `--take-over`, before the app's command where there is one.
fn next_arguments(own: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = own.collect();
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    if !arguments.iter().take(end).any(|argument| argument == "--take-over") {
        arguments.insert(end, "--take-over".into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(arguments: &str) -> String {
        let next = next_arguments(arguments.split(' ').map(OsString::from));
        next.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_next_process_takes_over_and_the_apps_command_stays_as_it_is() {
        assert_eq!(next("serve --policy x"), "serve --policy x --take-over");
        assert_eq!(next("serve --take-over"), "serve --take-over");
        assert_eq!(next("run -- gunicorn app:app"), "run --take-over -- gunicorn app:app");
        assert_eq!(next("run -- app --take-over"), "run --take-over -- app --take-over");
    }

    #[tokio::test]
    async fn a_question_outlives_whom_it_was_read_for() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(&folder.path().join("state")).unwrap();
        let mut control = Control::bind(&state).unwrap();
        let mut operator = UnixStream::connect(state.file(SOCKET)).unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(100), control.next()).await.is_err());
        operator.write_all(b"reload\n").unwrap();
        assert!(matches!(control.next().await, Request::Reload(_)));
    }
}
