//! How an app server is told to listen where only we can reach it.

use gambeson_core::policy::UpstreamAddress;
use std::{
    ffi::{OsStr, OsString},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// A command, changed so that the app listens on a private socket, or on a free port of this machine where its server
/// knows no sockets.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Program and arguments.
    pub command: Vec<OsString>,
    /// Variables to set beside our own environment.
    pub environment: Vec<(&'static str, OsString)>,
    /// Where the app will listen.
    pub address: UpstreamAddress,
    /// The command as it was given, for messages.
    pub name: String,
}

/// Why no place for the app to listen was found.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum LaunchError {
    #[error("no place for the app to listen: {0}")]
    Place(#[from] io::Error),
    #[error("say how to start the app: `gambeson run -- gunicorn app:app`")]
    NoCommand,
}

/// A Unix socket's path has room for 108 bytes on Linux, the end mark included.
const SOCKET_PATH_MAX: usize = 100;
/// The socket's name in a folder that was made for it alone.
const OWN_SOCKET: &str = "app-run.sock";

impl Launch {
    /// Plans the start of `command`. `folder` is private to us; `written` is the address the policy names, used where
    /// the command is not one we know how to direct. `over_https`: whether all visitors come by HTTPS, so that a server
    /// that believes no forwarded fields may take it for granted (or Django's CSRF check refuses every form).
    ///
    /// # Errors
    /// When there is no command or no free port.
    pub fn plan(command: Vec<OsString>, folder: &Path, written: &UpstreamAddress, over_https: bool) -> Result<Self, LaunchError> {
        let server = Server::of(&command).ok_or(LaunchError::NoCommand)?;
        let socket = private_socket(folder)?;
        let name = command.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let mut launch = Self { command, environment: Vec::new(), address: UpstreamAddress::Unix(socket.clone()), name };
        match server {
            Server::Gunicorn => launch.append(["--bind".into(), unix(&socket)]),
            Server::Uvicorn => launch.append(["--uds".into(), socket.into()]),
            Server::Hypercorn => launch.append(["--bind".into(), unix(&socket)]),
            Server::Waitress => launch.waitress(&socket),
            Server::Placeholder => launch.fill("{socket}", socket.as_os_str()),
            Server::Flask => {
                let port = launch.on_free_port()?;
                launch.append(["--host".into(), "127.0.0.1".into(), "--port".into(), port.into()]);
            }
            Server::Runserver => {
                let port = launch.on_free_port()?;
                launch.append([format!("127.0.0.1:{port}").into()]);
                // Django's own server asks its environment, as CGI programs do, whether visitors come by HTTPS.
                launch.environment.extend(over_https.then(|| ("HTTPS", "on".into())));
            }
            Server::PortPlaceholder => {
                let port = launch.on_free_port()?;
                launch.fill("{port}", port.as_ref());
            }
            Server::Unknown => launch.address = written.clone(),
        }
        // Only we can reach a private socket: what we say of the client's address and scheme may be believed there.
        if matches!(launch.address, UpstreamAddress::Unix(_)) {
            launch.environment.push(("FORWARDED_ALLOW_IPS", "*".into()));
        }
        Ok(launch)
    }

    /// Removes a socket left by an earlier run.
    pub(super) fn clean(&self) {
        if let UpstreamAddress::Unix(path) = &self.address
            && path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"app-"))
        {
            let _absent = std::fs::remove_file(path);
        }
    }

    /// Removes the socket, and the folder made for it.
    pub(super) fn remove(&self) {
        self.clean();
        if let UpstreamAddress::Unix(path) = &self.address
            && path.ends_with(OWN_SOCKET)
            && let Some(folder) = path.parent()
        {
            let _kept = std::fs::remove_dir(folder);
        }
    }

    fn append<const N: usize>(&mut self, arguments: [OsString; N]) {
        self.command.extend(arguments);
    }

    /// waitress calls everybody on a Unix socket "localhost" and drops forwarded fields, until it is told whom to believe.
    fn waitress(&mut self, socket: &Path) {
        if !self.command.iter().any(|word| word.as_encoded_bytes().starts_with(b"--trusted-proxy")) {
            self.insert_option("--trusted-proxy-headers=x-forwarded-for x-forwarded-proto x-forwarded-host".into());
            self.insert_option("--trusted-proxy=localhost".into());
        }
        self.insert_option(option("--unix-socket=", socket.as_os_str()));
    }

    /// Puts an option right behind the program, for servers that stop reading options at the app's name.
    fn insert_option(&mut self, option: OsString) {
        let behind =
            self.command.iter().position(|word| base(word) == "waitress-serve" || word == "waitress").map_or(1, |at| at + 1);
        self.command.insert(behind.min(self.command.len()), option);
    }

    fn fill(&mut self, placeholder: &str, with: &OsStr) {
        for word in &mut self.command {
            if let Some((before, after)) = word.to_str().and_then(|text| text.split_once(placeholder)) {
                let mut filled = OsString::from(before);
                filled.push(with);
                filled.push(after);
                *word = filled;
            }
        }
    }

    fn on_free_port(&mut self) -> io::Result<String> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        self.address = UpstreamAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        Ok(port.to_string())
    }
}

fn unix(socket: &Path) -> OsString {
    option("unix:", socket.as_os_str())
}

fn option(name: &str, value: &OsStr) -> OsString {
    let mut option = OsString::from(name);
    option.push(value);
    option
}

fn base(word: &OsStr) -> String {
    PathBuf::from(word).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A server we know how to direct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Gunicorn,
    Uvicorn,
    Hypercorn,
    Waitress,
    Flask,
    Runserver,
    /// The command says `{socket}` where the socket's path belongs.
    Placeholder,
    /// The command says `{port}` where a port belongs.
    PortPlaceholder,
    Unknown,
}

impl Server {
    fn of(command: &[OsString]) -> Option<Self> {
        let words: Vec<String> = command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let first = base(command.first()?);
        let has = |placeholder: &str| words.iter().any(|word| word.contains(placeholder));
        if has("{socket}") {
            return Some(Self::Placeholder);
        }
        if has("{port}") {
            return Some(Self::PortPlaceholder);
        }
        // `python -m gunicorn`, `python manage.py runserver`, `flask run`
        let module = words.iter().skip_while(|word| *word != "-m").nth(1).filter(|_| first.starts_with("python"));
        let name = module.map_or(first.as_str(), String::as_str);
        Some(match name {
            "gunicorn" => Self::Gunicorn,
            "uvicorn" => Self::Uvicorn,
            "hypercorn" => Self::Hypercorn,
            "waitress-serve" | "waitress" => Self::Waitress,
            "flask" if words.iter().any(|word| word == "run") => Self::Flask,
            _ if words.iter().any(|word| word == "runserver") => Self::Runserver,
            _ => Self::Unknown,
        })
    }
}

/// Where only we can reach it: in the state directory, or in a folder of our own where that path is too long.
fn private_socket(folder: &Path) -> Result<PathBuf, LaunchError> {
    let socket = folder.join(format!("app-{}.sock", std::process::id()));
    if socket.as_os_str().len() <= SOCKET_PATH_MAX {
        return Ok(socket);
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let own = std::env::temp_dir().join(format!("gambeson-{:016x}", u64::from_be_bytes(random)));
    // Fails when it exists: then somebody else made it.
    std::fs::DirBuilder::new().mode(0o700).create(&own)?;
    Ok(own.join(OWN_SOCKET))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(command: &str, over_https: bool) -> Launch {
        let written = UpstreamAddress::Tcp("127.0.0.1:5000".parse().unwrap());
        let words = command.split(' ').map(OsString::from).collect();
        Launch::plan(words, Path::new("/s"), &written, over_https).unwrap()
    }

    fn plan(command: &str) -> (String, UpstreamAddress) {
        let launch = launch(command, true);
        assert_eq!(launch.name, command, "messages name the command as it was given");
        let pid = std::process::id().to_string();
        let words: Vec<_> = launch.command.iter().map(|word| word.to_string_lossy().replace(&pid, "1")).collect();
        (words.join(" "), launch.address)
    }

    #[test]
    fn known_servers_are_directed_to_a_private_socket() {
        assert_eq!(plan("gunicorn app:app").0, "gunicorn app:app --bind unix:/s/app-1.sock");
        assert_eq!(plan("python3 -m gunicorn -w 2 app:app").0, "python3 -m gunicorn -w 2 app:app --bind unix:/s/app-1.sock");
        assert_eq!(plan("/venv/bin/uvicorn main:app").0, "/venv/bin/uvicorn main:app --uds /s/app-1.sock");
        let trusted = "--trusted-proxy=localhost --trusted-proxy-headers=x-forwarded-for x-forwarded-proto x-forwarded-host";
        let waitress = |program: &str| format!("{program} --unix-socket=/s/app-1.sock {trusted} app:app");
        assert_eq!(plan("waitress-serve app:app").0, waitress("waitress-serve"));
        assert_eq!(plan("python3 -m waitress app:app").0, waitress("python3 -m waitress"));
        let own = plan("waitress-serve --trusted-proxy=* app:app").0;
        assert_eq!(own, "waitress-serve --unix-socket=/s/app-1.sock --trusted-proxy=* app:app");
        assert_eq!(plan("myserver --at {socket}").0, "myserver --at /s/app-1.sock");
    }

    #[test]
    fn servers_without_sockets_get_a_free_port_and_unknown_ones_the_written_address() {
        let (command, address) = plan("python manage.py runserver");
        let UpstreamAddress::Tcp(address) = address else { panic!("{address}") };
        assert_eq!(command, format!("python manage.py runserver {address}"));
        assert!(address.ip().is_loopback());
        assert_eq!(plan("python app.py").1, UpstreamAddress::Tcp("127.0.0.1:5000".parse().unwrap()));
    }
    #[test]
    fn runserver_is_told_of_https_where_there_is_nothing_else() {
        let told = |over_https| launch("python manage.py runserver", over_https).environment;
        assert_eq!(told(true), [("HTTPS", OsString::from("on"))]);
        assert_eq!(told(false), []);
        assert_eq!(launch("flask run", true).environment, []);
    }
}
