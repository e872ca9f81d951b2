//! Talking to the server: account, order, proof, certificate.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use instant_acme::{
    Account, AuthorizationHandle, AuthorizationStatus, CertificateIdentifier, ChallengeType, ExternalAccountKey, Identifier,
    NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::Der;
use x509_parser::extensions::ParsedExtension;

use super::super::host::Host;
use super::super::pem::Loaded;
use super::super::{TlsError, files};
use super::challenges::{Challenges, Offered};
use super::plan::Window;
use super::storage::Storage;
use super::{Challenge, ExternalAccount, Settings};

/// Everything an order may take, waiting included: a server or a network that hangs must not hang us.
const ORDER_TIMEOUT: Duration = Duration::from_secs(300);
/// Everything an account or a question may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(60);
/// Proofs in one order: one name, one authorization; more would be none of ours.
const AUTHORIZATIONS_MAX: usize = 8;

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    #[error(transparent)]
    Local(#[from] TlsError),
    #[error("{0}")]
    Server(#[from] instant_acme::Error),
    #[error("the server offers no challenge that is allowed here: {0}")]
    NoChallenge(String),
    #[error("the server could not verify the host: {0}")]
    Unverified(String),
    #[error("the server took too long")]
    Timeout,
}

impl OrderError {
    pub(super) fn is_rate_limit(&self) -> bool {
        self.is("rateLimited")
    }

    fn is(&self, kind: &str) -> bool {
        let Self::Server(instant_acme::Error::Api(problem)) = self else {
            return false;
        };
        let named = problem.r#type.as_deref().and_then(|urn| urn.strip_prefix("urn:ietf:params:acme:error:"));
        named == Some(kind)
    }
}

/// An account ready to order.
pub(super) struct Orders<'a> {
    account: Account,
    settings: &'a Settings,
    storage: &'a Storage,
    challenges: &'a Arc<Challenges>,
}

impl<'a> Orders<'a> {
    /// The account kept from before, or a new one.
    pub(super) async fn open(
        settings: &'a Settings,
        storage: &'a Storage,
        challenges: &'a Arc<Challenges>,
    ) -> Result<Self, OrderError> {
        let account = timely(ASK_TIMEOUT, open_account(settings, storage)).await?;
        Ok(Self { account, settings, storage, challenges })
    }

    /// When the server would like this certificate renewed (ARI, RFC 9773). Nothing when it has no opinion, or
    /// cannot be asked just now: the lifetime decides then.
    pub(super) async fn suggested_window(&self, current: &Loaded) -> Option<Window> {
        let id = identifier(current)?;
        let asked = async { Ok(self.account.renewal_info(&id).await?) };
        let (info, ask_again) = timely(ASK_TIMEOUT, asked).await.ok()?;
        Some(Window {
            start: info.suggested_window.start.unix_timestamp(),
            end: info.suggested_window.end.unix_timestamp(),
            ask_again: ask_again.as_secs().try_into().unwrap_or(i64::MAX),
        })
    }

    /// Orders a certificate for one host: chain and key as PEM.
    pub(super) async fn certificate(
        &self,
        host: &Host,
        replaces: Option<&Loaded>,
        challenge: Option<Challenge>,
    ) -> Result<(String, String), OrderError> {
        let outcome = timely(ORDER_TIMEOUT, self.certificate_untimed(host, replaces, challenge)).await;
        if outcome.as_ref().is_err_and(|error| error.is("accountDoesNotExist")) {
            self.storage.forget_account();
        }
        outcome
    }

    async fn certificate_untimed(
        &self,
        host: &Host,
        replaces: Option<&Loaded>,
        challenge: Option<Challenge>,
    ) -> Result<(String, String), OrderError> {
        let retries = RetryPolicy::new().timeout(ORDER_TIMEOUT);
        let mut order = self.new_order(host, replaces).await?;
        let offered = self.prove(&mut order, host, challenge).await?;
        if order.poll_ready(&retries).await? == OrderStatus::Invalid {
            return Err(OrderError::Unverified(reason(&mut order).await));
        }
        drop(offered);
        let (request, key) = signing_request(host)?;
        order.finalize_csr(&request).await?;
        Ok((order.poll_certificate(&retries).await?, key))
    }

    /// A new order. One that names the certificate it replaces may pass limits others do not; a server that will
    /// not have that (it was replaced already, or by another account) gets a plain one.
    async fn new_order(&self, host: &Host, replaces: Option<&Loaded>) -> Result<Order, OrderError> {
        let names = [Identifier::Dns(host.to_string())];
        let plain = || match &self.settings.profile {
            Some(profile) => NewOrder::new(&names).profile(profile),
            None => NewOrder::new(&names),
        };
        if let Some(id) = replaces.and_then(identifier)
            && let Ok(order) = self.account.new_order(&plain().replaces(id)).await
        {
            return Ok(order);
        }
        Ok(self.account.new_order(&plain()).await?)
    }

    /// Offers a proof for everything in the order that still needs one, and tells the server to look.
    async fn prove(&self, order: &mut Order, host: &Host, challenge: Option<Challenge>) -> Result<Vec<Offered>, OrderError> {
        let mut offered = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending || offered.len() >= AUTHORIZATIONS_MAX {
                continue;
            }
            offered.push(self.offer(authorization, host, challenge).await?);
        }
        Ok(offered)
    }

    async fn offer(
        &self,
        mut authorization: AuthorizationHandle<'_>,
        host: &Host,
        wanted: Option<Challenge>,
    ) -> Result<Offered, OrderError> {
        let has = |kind: &Challenge| authorization.challenges.iter().any(|found| found.r#type == kind.to_type());
        let Some(kind) = wanted.into_iter().chain(self.settings.challenges.iter().copied()).find(has) else {
            let kinds = authorization.challenges.iter().map(|found| format!("{:?}", found.r#type));
            return Err(OrderError::NoChallenge(kinds.collect::<Vec<_>>().join(", ")));
        };
        let Some(mut challenge) = authorization.challenge(kind.to_type()) else {
            return Err(OrderError::NoChallenge(String::new()));
        };
        let proof = challenge.key_authorization();
        let offered = match kind {
            Challenge::Http01 => self.challenges.offer_http(&challenge.token, proof.as_str()),
            Challenge::TlsAlpn01 => self.challenges.offer_tls(&host.to_string(), proof.digest().as_ref())?,
        };
        challenge.set_ready().await?;
        Ok(offered)
    }
}

impl Challenge {
    fn to_type(self) -> ChallengeType {
        match self {
            Self::Http01 => ChallengeType::Http01,
            Self::TlsAlpn01 => ChallengeType::TlsAlpn01,
        }
    }
}

async fn timely<T>(limit: Duration, work: impl Future<Output = Result<T, OrderError>>) -> Result<T, OrderError> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(OrderError::Timeout))
}

async fn open_account(settings: &Settings, storage: &Storage) -> Result<Account, OrderError> {
    let builder = match &settings.root_ca {
        Some(path) => Account::builder_with_root(path)?,
        None => Account::builder()?,
    };
    if let Some(credentials) = storage.account()? {
        return Ok(builder.from_credentials(credentials).await?);
    }
    let contact: Vec<_> = settings.contact.iter().map(|address| mail(address)).collect();
    let new = NewAccount {
        contact: &contact.iter().map(String::as_str).collect::<Vec<_>>(),
        terms_of_service_agreed: settings.agree,
        only_return_existing: false,
    };
    let external = settings.external_account.as_ref().map(external_key).transpose()?;
    let (account, credentials) = builder.create(&new, settings.directory.clone(), external.as_ref()).await?;
    storage.store_account(&credentials)?;
    Ok(account)
}

fn mail(address: &str) -> String {
    match address.contains(':') {
        true => address.to_owned(),
        false => format!("mailto:{address}"),
    }
}

/// The key companies hand out is base64url, some pad it or use the other alphabet.
fn external_key(external: &ExternalAccount) -> Result<ExternalAccountKey, TlsError> {
    let bytes = files::read_private(&external.hmac_key)?;
    let key = decode_key(&bytes).ok_or_else(|| not_base64(&external.hmac_key))?;
    Ok(ExternalAccountKey::new(external.key_id.clone(), &key))
}

fn decode_key(bytes: &[u8]) -> Option<Vec<u8>> {
    let bytes = bytes.trim_ascii();
    let unpadded = bytes.strip_suffix(b"==").or(bytes.strip_suffix(b"=")).unwrap_or(bytes);
    let key = BASE64_URL_SAFE_NO_PAD.decode(unpadded).or_else(|_| BASE64_STANDARD.decode(bytes)).ok()?;
    (!key.is_empty()).then_some(key)
}

fn not_base64(path: &Path) -> TlsError {
    TlsError::Acme(format!("{} must hold the external account's HMAC key in base64url", path.display()))
}

/// A fresh key, so that no key outlives its certificate, and the request for it.
fn signing_request(host: &Host) -> Result<(Vec<u8>, String), TlsError> {
    let failed = |error: rcgen::Error| TlsError::Issue(error.to_string());
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new(vec![host.to_string()]).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(failed)?;
    Ok((request.der().to_vec(), key.serialize_pem()))
}

/// What the server found wrong, from the authorizations of a failed order.
async fn reason(order: &mut Order) -> String {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        let problems = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        reasons.extend(problems.map(|problem| problem.to_string()));
    }
    reasons.join("; ")
}

/// The name of a certificate in RFC 9773: the issuer's key and the serial number.
fn identifier(current: &Loaded) -> Option<CertificateIdentifier<'static>> {
    let (_, certificate) = x509_parser::parse_x509_certificate(current.key.cert.first()?).ok()?;
    let authority = certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(found) => found.key_identifier.as_ref(),
        _ => None,
    })?;
    let serial = Der::from_slice(certificate.raw_serial());
    Some(CertificateIdentifier::new(Der::from_slice(authority.0), serial))
}
