//! What all requests of a run share: who may be asked, through which proxy, and who is trusted.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use hyper_util::client::proxy::matcher::Matcher;
use tokio_rustls::rustls::ClientConfig;

use super::hosts::HostRule;
use super::tls;
use crate::call::Environment;

/// Looks up a name; blocks. The system's own, outside tests.
pub type Resolver = Arc<dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// What all requests of a run share.
pub struct Network {
    pub(super) hosts: HostRule,
    pub(super) proxies: Matcher,
    pub(super) resolver: Resolver,
    trusted: Trusted,
    system: OnceLock<Result<Arc<ClientConfig>, String>>,
}

/// Where the environment says that certificates are, as OpenSSL reads it.
struct Trusted {
    file: Option<PathBuf>,
    dir: Option<PathBuf>,
}

impl Network {
    /// The network as this environment has it: proxies from `https_proxy`, `http_proxy`,
    /// `all_proxy` and `no_proxy`, certificates from `SSL_CERT_FILE` and `SSL_CERT_DIR`, else from
    /// where the system keeps them.
    pub fn new(env: &Environment, hosts: HostRule) -> Self {
        let get = |name: &str| env.get(OsStr::new(name)).filter(|value| !value.is_empty());
        let proxy = |name: &str| {
            let value = get(name).or_else(|| get(&name.to_ascii_uppercase()));
            value
                .and_then(|value| value.to_str())
                .unwrap_or_default()
                .to_owned()
        };
        let proxies = Matcher::builder()
            .all(proxy("all_proxy"))
            .http(proxy("http_proxy"))
            .https(proxy("https_proxy"))
            .no(proxy("no_proxy"))
            .build();
        Self {
            hosts,
            proxies,
            resolver: Arc::new(|host, port| Ok((host, port).to_socket_addrs()?.collect())),
            trusted: Trusted {
                file: get("SSL_CERT_FILE").map(PathBuf::from),
                dir: get("SSL_CERT_DIR").map(PathBuf::from),
            },
            system: OnceLock::new(),
        }
    }

    /// The same with names looked up by somebody else.
    #[must_use]
    pub fn resolving(mut self, resolver: Resolver) -> Self {
        self.resolver = resolver;
        self
    }

    /// Whom to trust: the certificates of a file, else the system's, which are read once.
    ///
    /// # Errors
    ///
    /// Why there is nobody to trust.
    pub(super) fn trust(&self, ca_file: Option<&str>) -> Result<Arc<ClientConfig>, String> {
        match ca_file {
            Some(path) => tls::trusting_file(path),
            None => self
                .system
                .get_or_init(|| {
                    tls::trusting_system(self.trusted.file.as_deref(), self.trusted.dir.as_deref())
                })
                .clone(),
        }
    }
}

impl fmt::Debug for Network {
    /// Without the proxies: their URLs may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}
