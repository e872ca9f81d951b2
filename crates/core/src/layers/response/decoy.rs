//! What scanners ask every site for, and nobody asks a Python app for.

/// Whole paths.
const PATHS: [&str; 24] = [
    "/.env",
    "/.env.local",
    "/.env.production",
    "/.git/config",
    "/.git/HEAD",
    "/.svn/entries",
    "/.aws/credentials",
    "/.ssh/id_rsa",
    "/.htpasswd",
    "/.docker/config.json",
    "/wp-login.php",
    "/xmlrpc.php",
    "/wp-config.php",
    "/phpinfo.php",
    "/config.php",
    "/server-status",
    "/actuator/env",
    "/actuator/heapdump",
    "/manager/html",
    "/console/login/loginform.jsp",
    "/solr/admin/info/system",
    "/hnap1",
    "/boaform/admin/formlogin",
    "/autodiscover/autodiscover.json",
];

/// Everything below.
const FOLDERS: [&str; 8] =
    ["/wp-admin", "/wp-includes", "/wp-content", "/phpmyadmin", "/pma", "/cgi-bin", "/vendor/phpunit", "/.git"];

/// Whether a decoded path is such a one. Browsers ask for none of them by themselves.
pub(super) fn is_known(path: &str) -> bool {
    let same = |known: &&str| known.eq_ignore_ascii_case(path);
    let below = |known: &&str| {
        let rest = path.get(..known.len()).filter(|head| head.eq_ignore_ascii_case(known)).and_then(|_| path.get(known.len()..));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    PATHS.iter().any(same) || FOLDERS.iter().any(below)
}

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn decoys_are_known_and_what_browsers_ask_for_is_none() {
        for path in ["/.env", "/.ENV", "/wp-login.php", "/wp-admin", "/wp-admin/setup.php", "/phpMyAdmin/index.php", "/.git/HEAD"]
        {
            assert!(is_known(path), "{path}");
        }
        for path in [
            "/",
            "/favicon.ico",
            "/robots.txt",
            "/apple-touch-icon.png",
            "/.well-known/security.txt",
            "/sitemap.xml",
            "/wp-administration",
            "/environment",
            "/a/.env",
            "/server-statusé",
        ] {
            assert!(!is_known(path), "{path}");
        }
    }
}
