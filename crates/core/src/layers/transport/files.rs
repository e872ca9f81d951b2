//! The files a policy names.

use super::Transport;
use std::path::{Path, PathBuf};

impl Transport {
    /// Makes every file that is named by a relative path one of `folder`, the policy's own.
    pub fn resolve_files(&mut self, folder: &Path) {
        let certificates = self.certificates.iter_mut().flat_map(|found| [&mut found.chain, &mut found.key]);
        let acme = self.acme.iter_mut().flat_map(|acme| {
            let key = acme.external_account.as_mut().map(|(_, key)| key);
            acme.ca_root.iter_mut().chain(key)
        });
        let clients = self.client_certificates.iter_mut().flat_map(|found| found.ca.iter_mut().chain(&mut found.crl));
        for file in certificates.chain(acme).chain(clients) {
            let resolved: PathBuf = folder.join(&*file); // an absolute path stays as it is
            *file = resolved;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;
    use std::path::Path;

    #[test]
    fn relative_files_count_from_the_folder_of_the_policy() {
        let text = r#"
            [app]
            hosts = ["shop.example.com"]
            upstream = "http://127.0.0.1:5000"
            [[transport.certificate]]
            chain = "shop.pem"
            key = "/etc/ssl/private/shop.key"
            [transport.client_certificates]
            ca = ["clients.pem"]
            crl = ["lists/clients.crl"]
        "#;
        let mut transport = Policy::parse(text).unwrap().layers.transport;
        transport.resolve_files(Path::new("/srv/shop"));
        let certificate = &transport.certificates[0];
        assert_eq!(certificate.chain, Path::new("/srv/shop/shop.pem"));
        assert_eq!(certificate.key, Path::new("/etc/ssl/private/shop.key"));
        let clients = transport.client_certificates.unwrap();
        assert_eq!(clients.ca, [Path::new("/srv/shop/clients.pem")]);
        assert_eq!(clients.crl, [Path::new("/srv/shop/lists/clients.crl")]);
    }
}
