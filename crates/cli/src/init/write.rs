//! The policy that is written, and what to do next.

use super::look::Found;
use gambeson_core::policy::preset;
use std::fmt::Write as _;

/// A short policy with what was found; the rest are defaults, and comments where to find them.
pub(super) fn policy(found: &Found) -> String {
    let mut out = String::from(
        "# What this app allows. All that is not written here has a strict default: `gambeson explain` tells each, with its reason.\n\
         # `gambeson check` checks this file; a running gateway takes changes up with `gambeson reload`.\n\n[app]\n",
    );
    let _ = writeln!(out, "name = \"{}\"", found.name);
    let _ = writeln!(out, "framework = \"{}\"", found.framework);
    out.push_str("# Any other host is refused. Add the public name when there is one: \"shop.example.com\".\n");
    out.push_str("hosts = [\"localhost\", \"127.0.0.1\", \"[::1]\"]\n");
    write_upstream(&mut out, found);
    if let Some(cookie) = &found.session_cookie {
        let _ = write!(out, "# The app's own name for the cookie that logs somebody in.\nsession_cookies = [\"{cookie}\"]\n");
    }
    out.push_str("\n# [listen]\n# https = \"0.0.0.0:443\"     # now 127.0.0.1:8443: this machine alone\n");
    out.push_str("# http = \"0.0.0.0:80\"       # sends everybody to HTTPS\n");
    write_routes(&mut out, found);
    out
}

fn write_upstream(out: &mut String, found: &Found) {
    let usual = preset(found.framework, "app", "upstream").unwrap_or_else(|| "\"http://127.0.0.1:5000\"".to_owned());
    let written = found.port.map(|port| format!("\"http://127.0.0.1:{port}\"")).filter(|address| *address != usual);
    out.push_str("# Where `gambeson serve` finds the app; `gambeson run` starts it on a private socket instead.\n");
    let _ = match written {
        Some(address) => writeln!(out, "upstream = {address}"),
        None => writeln!(out, "# upstream = {usual}"),
    };
}

fn write_routes(out: &mut String, found: &Found) {
    out.push_str("\n# Exceptions and rules for parts of the app:\n");
    match found.hooks.as_slice() {
        [] => out.push_str("# [[route]]\n# path = \"/upload\"\n# body = \"200MiB\"\n"),
        hooks => {
            out.push_str("# Another service sends here, with its own signature and no page: only then let it pass.\n");
            for hook in hooks {
                let _ = write!(out, "# [[route]]\n# path = \"{hook}\"\n# off = [\"csrf\"]\n");
            }
        }
    }
}

/// The commands that come next.
pub(super) fn next_steps(found: &Found) -> Vec<String> {
    let start = found.start.as_deref().unwrap_or("COMMAND THAT STARTS THE APP");
    let quoted: Vec<String> =
        start.split(' ').map(|word| if word.contains('(') { format!("'{word}'") } else { word.to_owned() }).collect();
    let mut steps = Vec::new();
    if let Some(templates) = &found.templates {
        steps.push(format!(
            "gambeson csp learn --from {templates}     # prints what to add to the policy, so that pages keep their scripts"
        ));
    }
    steps.push(format!("gambeson run -- {}", quoted.join(" ")));
    steps.push("gambeson ca trust     # so that this machine's browsers know https://localhost:8443".to_owned());
    steps
}
