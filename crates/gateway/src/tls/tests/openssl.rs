//! What another implementation makes of us: `openssl s_client`, where it is installed.

use std::path::Path;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::super::*;
use super::bench::{Bench, build};

/// Everything openssl says about one connection to a gateway with a development certificate; nothing when it is
/// not installed.
async fn openssl(profile: Profile, arguments: &[&str]) -> Option<String> {
    let bench = Bench::new();
    let settings = bench.settings(&["shop.example"], Vec::new());
    let tls = Arc::new(build(Settings { profile, development: true, http2: false, ..settings }));
    let root = bench.path("state/ca/root.pem");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = async {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = tls.accept(stream).await {
                let _ = stream.read(&mut [0]).await;
            }
        }
    };
    tokio::select! {
        said = s_client(&address, &root, arguments) => said,
        () = serve => None,
    }
}

async fn s_client(address: &str, root: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", address, "-verify_return_error", "-CAfile"]).arg(root).args(arguments);
    let Ok(output) = command.stdin(std::process::Stdio::null()).output().await else {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "skipped: openssl is not installed");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn the_constrained_development_root_is_accepted() {
    for asked in [
        &["-servername", "localhost", "-verify_hostname", "localhost"][..],
        &["-servername", "shop.example", "-verify_hostname", "shop.example"],
        &["-noservername", "-verify_ip", "127.0.0.1"],
    ] {
        let Some(said) = openssl(Profile::Intermediate, asked).await else { return };
        assert!(said.contains("Verify return code: 0 (ok)"), "{asked:?}: {said}");
        assert_eq!(said.matches("BEGIN CERTIFICATE").count(), 1, "the root is not sent");
    }
}

#[tokio::test]
async fn an_unknown_name_gets_its_own_alert() {
    let Some(said) = openssl(Profile::Intermediate, &["-servername", "nope.example"]).await else { return };
    assert!(said.contains("SSL alert number 112"), "{said}");
}

#[tokio::test]
async fn old_protocols_are_refused() {
    let weak = ["-servername", "localhost", "-cipher", "ALL:@SECLEVEL=0"];
    for (profile, version, spoken) in [
        (Profile::Intermediate, "-tls1_1", false),
        (Profile::Intermediate, "-tls1_2", true),
        (Profile::Modern, "-tls1_2", false),
        (Profile::Modern, "-tls1_3", true),
    ] {
        let arguments = [&weak[..], &[version]].concat();
        let Some(said) = openssl(profile, &arguments).await else { return };
        assert_eq!(said.contains("BEGIN CERTIFICATE"), spoken, "{profile:?} {version}: {said}");
    }
}
