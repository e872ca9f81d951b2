//! From the policy to who is told: secrets are read here, from files and variables.

use super::format::From;
use gambeson_core::policy::{
    FromText as _, Policy,
    alert::{Source, Syslog, Topic, Url, Webhook},
};
use gambeson_store::metrics::Receiver;
use http::{HeaderName, HeaderValue};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::{env, fmt, fs, path::Path, sync::Arc};

/// A secret is never longer, in bytes.
const SECRET_BYTES_MAX: u64 = 8 * 1024;

/// Who is told of what.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(super) from: From,
    pub(super) webhook: Option<Hook>,
    pub(super) syslog: Option<Syslog>,
    pub(super) cef: bool,
    topics: Vec<Topic>,
    pub(super) attacks_per_minute: u64,
    pub(super) per_minute: u32,
}

/// A webhook with its secrets.
pub(super) struct Hook {
    pub(super) url: Url,
    pub(super) secret: Option<(HeaderName, HeaderValue)>,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

impl fmt::Debug for Hook {
    /// The path of a webhook's address is often its secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hook({})", self.url.authority)
    }
}

impl Settings {
    /// As the policy says.
    ///
    /// # Errors
    /// When a file or variable that it names cannot be read: in one sentence, without what is in it.
    pub(crate) fn of(policy: &Policy) -> Result<Self, String> {
        let alert = &policy.alert;
        Ok(Self {
            from: From { host: host_name(), app: policy.app.name.clone(), process: std::process::id() },
            webhook: alert.webhook.as_ref().map(hook).transpose()?,
            syslog: alert.syslog.clone(),
            cef: alert.cef,
            topics: alert.topics.clone(),
            attacks_per_minute: alert.attacks_per_minute,
            per_minute: alert.per_minute,
        })
    }

    pub(super) const fn is_anybody(&self) -> bool {
        self.webhook.is_some() || self.syslog.is_some()
    }

    pub(super) const fn has(&self, receiver: Receiver) -> bool {
        match receiver {
            Receiver::Webhook => self.webhook.is_some(),
            Receiver::Syslog => self.syslog.is_some(),
        }
    }

    pub(super) fn is_on(&self, topic: Topic) -> bool {
        self.topics.contains(&topic)
    }
}

fn hook(written: &Webhook) -> Result<Hook, String> {
    let address = read(&written.url, "alert.webhook")?;
    let url = Url::from_text(&address).map_err(|wrong| format!("alert.webhook: {}; {}", wrong.message, wrong.help))?;
    let secret = written.secret.as_ref().map(|source| read(source, "alert.secret")).transpose()?;
    let value = secret.map(|text| HeaderValue::from_str(&text)).transpose();
    let mut value = value.map_err(|_| "alert.secret: this is no header field's value".to_owned())?;
    value.iter_mut().for_each(|value| value.set_sensitive(true));
    let tls = url.https.then(|| tls(written.root.as_deref())).transpose()?;
    Ok(Hook { url, secret: value.map(|value| (written.header.clone(), value)), tls })
}

/// A text from where it stands.
fn read(source: &Source, key: &str) -> Result<String, String> {
    let text = match source {
        Source::Text(text) => text.clone(),
        Source::Variable(name) => env::var(name).map_err(|_| format!("{key}: the variable {name} is not set"))?,
        Source::File(path) => file(path).map_err(|why| format!("{key}: {}: {why}", path.display()))?,
    };
    let text = text.trim();
    if text.is_empty() { Err(format!("{key}: there is nothing in it")) } else { Ok(text.to_owned()) }
}

fn file(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > SECRET_BYTES_MAX {
        return Err(format!("it is larger than {SECRET_BYTES_MAX} bytes"));
    }
    fs::read_to_string(path).map_err(|error| error.to_string())
}

fn tls(root: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let config = match root {
        Some(path) => builder.with_root_certificates(roots(path)?),
        None => builder.with_platform_verifier().map_err(|error| format!("alert.webhook: {error}"))?,
    };
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn roots(path: &Path) -> Result<RootCertStore, String> {
    let wrong = |error: &dyn fmt::Display| format!("alert.root: {}: {error}", path.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
        roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() { Err(wrong(&"there is no certificate in it")) } else { Ok(roots) }
}

/// This machine's name, as far as it is told.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}
