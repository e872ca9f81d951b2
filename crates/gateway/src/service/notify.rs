//! Telling the service manager that we serve, and which process does (the protocol of sd_notify(3)).

use std::{
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
};

/// The variable that names the manager's socket; an app that we start must not speak there in our name.
pub(crate) const SOCKET: &str = "NOTIFY_SOCKET";

/// We serve. At a hand-over this makes us the service's main process, so it must be said while the one before still runs.
pub(super) fn ready() {
    tell(&format!("READY=1\nMAINPID={}", std::process::id()));
}

/// We end, and nobody takes over.
pub(super) fn stopping() {
    tell("STOPPING=1");
}

/// Says nothing where no manager listens.
fn tell(what: &str) {
    let Some(name) = std::env::var_os(SOCKET).filter(|name| !name.is_empty()) else { return };
    if let Err(error) = send(name.as_bytes(), what.as_bytes()) {
        super::say(&format!("the service manager was not told: {error}"));
    }
}

/// A name that begins with `@` is one without a file (unix(7)).
fn send(name: &[u8], what: &[u8]) -> io::Result<()> {
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    UnixDatagram::unbound()?.send_to_addr(what, &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_hears_it_with_and_without_a_file() {
        let name = format!("gambeson-notify-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(format!("@{name}").as_bytes(), b"READY=1").unwrap();
        let mut heard = [0; 16];
        let length = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1");
        assert!(send(b"/nobody/listens/here", b"READY=1").is_err());
    }
}
