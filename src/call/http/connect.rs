//! From an origin to a connection: looked up once, checked, connected, and made private.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Method, Request, Uri};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::network::Network;
use super::tls;
use crate::model::call::{Failure, FailureKind};
use crate::model::url::{Origin, Scheme};

/// How long one address may take to answer, where there may be another.
const EACH_ADDRESS: Duration = Duration::from_secs(10);

/// Bytes in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A way to an origin that was looked up and may be gone, again and again without another look: a
/// name that was checked must not become another address afterwards.
pub(super) struct Way {
    origin: Origin,
    /// The origin, for messages.
    who: String,
    addresses: Vec<SocketAddr>,
    proxy: Option<Intercept>,
}

/// A connection to an origin.
pub(super) struct Connection {
    pub(super) stream: Box<dyn Stream>,
    pub(super) form: Form,
}

/// How a request names its target.
pub(super) enum Form {
    /// By its path: it is the origin that reads it.
    Path,
    /// By all of its URL: a proxy reads it, and may want to know who asks.
    Absolute(Option<HeaderValue>),
}

impl Network {
    /// The way to an origin, which `who` names for people.
    pub(super) async fn way(&self, origin: &Origin, who: &str) -> Result<Way, Failure> {
        if !self.hosts.allows(&origin.host) {
            return Err(not_sent(format!(
                "{who} is none of the hosts that the policy of this environment allows"
            ))
            .hint("add it to `policy.hosts.allow` in runbook.yaml, if it may be asked"));
        }
        let uri: Uri = format!("{origin}/")
            .parse()
            .map_err(|_| not_sent(format!("{who} is no host to ask")))?;
        let proxy = self.proxies.intercept(&uri);
        let addresses = match &proxy {
            Some(proxy) => self.proxy_addresses(proxy, who).await?,
            None => self.look_up(&origin.host, origin.port, who).await?,
        };
        // One that is refused condemns all: names that mix them are made to slip through.
        for address in &addresses {
            let ip = address.ip();
            if proxy.is_none()
                && let Some(kind) = self.hosts.refuses(ip)
            {
                return Err(not_sent(format!(
                    "{who} is {ip}, {kind}, and the policy of this environment refuses private \
                     addresses"
                ))
                .hint("`policy.hosts.deny_private` in runbook.yaml says so"));
            }
        }
        Ok(Way {
            origin: origin.clone(),
            who: who.to_owned(),
            addresses,
            proxy,
        })
    }

    async fn proxy_addresses(
        &self,
        proxy: &Intercept,
        who: &str,
    ) -> Result<Vec<SocketAddr>, Failure> {
        if self.hosts.denies_private() {
            return Err(not_sent(format!(
                "{who} would be asked through a proxy, where nobody sees which address that is, \
                 and the policy of this environment refuses private addresses"
            ))
            .hint("name the host in `no_proxy`"));
        }
        let uri = proxy.uri();
        if uri.scheme_str() != Some("http") {
            return Err(not_sent(format!(
                "the proxy for {who} is no http:// proxy, and no other is spoken to"
            )));
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let what = format!("the proxy {host}");
        self.look_up(host, uri.port_u16().unwrap_or(80), &what)
            .await
    }

    async fn look_up(&self, host: &str, port: u16, who: &str) -> Result<Vec<SocketAddr>, Failure> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let resolver = Arc::clone(&self.resolver);
        let name = host.to_owned();
        // The thread may outlive us: a lookup cannot be called back.
        let looked = tokio::task::spawn_blocking(move || resolver(&name, port)).await;
        let found = looked.unwrap_or_else(|_| Err(io::Error::other("the lookup did not end")));
        match found {
            Ok(found) if !found.is_empty() => Ok(found),
            Ok(_) => Err(not_sent(format!("{who} has no address"))),
            Err(e) => Err(not_sent(format!(
                "{who} cannot be found: {}",
                crate::model::text::escape_controls(&e.to_string())
            ))
            .hint("look at the name in the URL, and at the DNS of this machine")),
        }
    }
}

impl Way {
    /// A connection, on which nothing of a request was sent yet.
    pub(super) async fn connect(
        &self,
        tls: Option<Arc<ClientConfig>>,
    ) -> Result<Connection, Failure> {
        let tcp = self.tcp().await?;
        let authorization = || self.proxy.as_ref().and_then(Intercept::basic_auth).cloned();
        let Some(config) = tls else {
            let form = match &self.proxy {
                Some(_) => Form::Absolute(authorization()),
                None => Form::Path,
            };
            let stream = Box::new(tcp);
            return Ok(Connection { stream, form });
        };
        let through: Box<dyn Stream> = match &self.proxy {
            Some(_) => self.tunnel(tcp, authorization()).await?,
            None => Box::new(tcp),
        };
        let name = ServerName::try_from(self.origin.host.clone())
            .map_err(|_| not_sent(format!("{} is no name for a certificate", self.who)))?;
        let private = TlsConnector::from(config).connect(name, through).await;
        let private = private.map_err(|e| tls::failure(&self.who, &e))?;
        Ok(Connection {
            stream: Box::new(private),
            form: Form::Path,
        })
    }

    /// The first address that answers.
    async fn tcp(&self) -> Result<TcpStream, Failure> {
        let mut last = None;
        for address in &self.addresses {
            let tried = tokio::time::timeout(EACH_ADDRESS, TcpStream::connect(address)).await;
            match tried.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(stream) => {
                    // Small requests go out at once; where that cannot be set they go out later.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(e) => last = Some((address, e)),
            }
        }
        let through = match &self.proxy {
            Some(_) => " through its proxy",
            None => "",
        };
        Err(not_sent(match last {
            Some((address, e)) => {
                format!(
                    "cannot connect to {}{through} at {address}: {}",
                    self.who,
                    reason(&e)
                )
            }
            None => format!("{} has no address", self.who),
        }))
    }

    /// A way through the proxy to the origin's port (RFC 9110, section 9.3.6).
    async fn tunnel(
        &self,
        tcp: TcpStream,
        authorization: Option<HeaderValue>,
    ) -> Result<Box<dyn Stream>, Failure> {
        let no_way = |why: &dyn std::fmt::Display| {
            not_sent(format!("the proxy makes no way to {}: {why}", self.who))
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(tcp))
            .await
            .map_err(|e| no_way(&e))?;
        tokio::spawn(connection.with_upgrades());
        let host = self.origin.host.contains(':');
        let target = match host {
            true => format!("[{}]:{}", self.origin.host, self.origin.port),
            false => format!("{}:{}", self.origin.host, self.origin.port),
        };
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri(&target)
            .header(HOST, &target);
        if let Some(authorization) = authorization {
            request = request.header(PROXY_AUTHORIZATION, authorization);
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(|e| no_way(&e))?;
        let answer = sender.send_request(request).await.map_err(|e| no_way(&e))?;
        if !answer.status().is_success() {
            return Err(no_way(&format!("it answers {}", answer.status())));
        }
        let upgraded = hyper::upgrade::on(answer).await.map_err(|e| no_way(&e))?;
        Ok(Box::new(TokioIo::new(upgraded)))
    }
}

/// Whether an origin is spoken to over TLS.
pub(super) fn is_private(origin: &Origin) -> bool {
    origin.scheme == Scheme::Https
}

/// A failure before anything of a request was sent.
pub(super) fn not_sent(message: String) -> Failure {
    Failure::new(FailureKind::NotStarted, message)
}

/// Why, in words.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused: nobody listens there".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::TimedOut => "no answer".to_owned(),
        io::ErrorKind::UnexpectedEof => "it ended in the middle".to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        _ => crate::model::text::escape_controls(&error.to_string()).into_owned(),
    }
}
