//! Whom TLS trusts, and what a bad certificate says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::http::{acting, adapter, failed, send, spec, succeeded, template};
use super::server::{Server, answer, request};
use crate::call::{Environment, HostRule, HttpAdapter, Network};
use crate::model::call::FailureKind;
use crate::model::http::Method;

/// An authority of its own, in a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    _dir: tempfile::TempDir,
    file: PathBuf,
}

impl Authority {
    fn new() -> Self {
        Self::named("Ours")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        let der = base64::engine::general_purpose::STANDARD.encode(issuer.der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
        std::fs::write(&file, pem).unwrap();
        Self {
            issuer,
            _dir: dir,
            file,
        }
    }

    /// A server with a certificate of this authority.
    fn server(&self, name: &str, until: i32) -> Server {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        Server::tls(Arc::new(config), &answer("200 OK", "text/plain", "private"))
    }

    /// An adapter that trusts this authority, and finds every name on loopback.
    fn adapter(&self, url: &str) -> HttpAdapter {
        let mut spec = spec(Method::Post, "/x");
        spec.request.ca_file = Some(template("{{ settings.ca }}"));
        let mut adapter = adapter(url, spec);
        let path = self.file.to_str().unwrap();
        adapter.settings.insert("ca".to_owned(), path.into());
        adapter.network = network(&[]);
        adapter
    }
}

fn network(env: &[(&str, &str)]) -> Arc<Network> {
    let env: Environment = env.iter().map(|(k, v)| (k.into(), v.into())).collect();
    let network = Network::new(&env, HostRule::default());
    Arc::new(network.resolving(Arc::new(|_, port| {
        Ok(vec![SocketAddr::new([127, 0, 0, 1].into(), port)])
    })))
}

fn at(server: &Server) -> String {
    format!("https://flags.example.org:{}", server.address.port())
}

/// Far enough on, and no test of clocks.
const LATER: i32 = 4000;

#[test]
fn a_certificate_of_the_named_file_is_trusted() {
    let authority = Authority::new();
    let server = authority.server("flags.example.org", LATER);
    let reply = send(&authority.adapter(&at(&server)), &acting(&[]));
    assert_eq!(succeeded(&reply), r#"{"status":200,"body":"private"}"#);
    assert!(server.request().starts_with("POST /x HTTP/1.1\r\n"));
}

#[test]
fn a_certificate_of_the_environments_file_is_trusted() {
    let authority = Authority::new();
    let server = authority.server("flags.example.org", LATER);
    let file = authority.file.to_str().unwrap();
    let adapter = HttpAdapter {
        network: network(&[("SSL_CERT_FILE", file)]),
        ..adapter(&at(&server), spec(Method::Post, "/x"))
    };
    succeeded(&send(&adapter, &acting(&[])));
}

#[test]
fn threat_47_a_bad_certificate_is_refused_with_its_reason_and_nothing_is_sent() {
    let (authority, other) = (Authority::new(), Authority::named("Other"));
    let posing = Authority::new();
    for (server, expected) in [
        (
            authority.server("flags.example.org", 2021),
            "it has expired",
        ),
        (
            authority.server("other.example.org", LATER),
            "it is for other names: ",
        ),
        (
            other.server("flags.example.org", LATER),
            "nobody that is trusted here has issued it",
        ),
        (
            posing.server("flags.example.org", LATER),
            "who is trusted here under the issuer's name has not signed it",
        ),
    ] {
        let failure = failed(&send(&authority.adapter(&at(&server)), &acting(&[])));
        assert_eq!(failure.kind, FailureKind::NotStarted);
        let begin = format!(
            "the certificate of {} is not accepted: {expected}",
            at(&server)
        );
        assert!(failure.message.starts_with(&begin), "{failure}");
        assert!(failure.hint.is_some());
        assert_eq!(server.requests().len(), 0);
    }
}

#[test]
fn threat_47_a_private_authority_is_not_trusted_unless_it_is_named() {
    let authority = Authority::new();
    let server = authority.server("flags.example.org", LATER);
    let other = Authority::named("Other");
    let file = other.file.to_str().unwrap();
    let adapter = HttpAdapter {
        network: network(&[("SSL_CERT_FILE", file)]),
        ..adapter(&at(&server), spec(Method::Post, "/x"))
    };
    let failure = failed(&send(&adapter, &acting(&[])));
    assert!(failure.hint.unwrap().contains("`ca_file:`"));
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn threat_47_what_speaks_no_tls_is_said() {
    let server = Server::raw(|mut stream| {
        let _ = stream.read(&mut [0; 512]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let authority = Authority::new();
    let failure = failed(&send(&authority.adapter(&at(&server)), &acting(&[])));
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(failure.message.ends_with("does not speak TLS"), "{failure}");
    let server = Server::raw(drop);
    let failure = failed(&send(&authority.adapter(&at(&server)), &acting(&[])));
    assert_eq!(failure.kind, FailureKind::NotStarted);
}

#[test]
fn certificates_that_cannot_be_read_are_said_before_anybody_is_asked() {
    let server = Authority::new().server("flags.example.org", LATER);
    let authority = Authority::new();
    std::fs::write(&authority.file, "nothing").unwrap();
    let failure = failed(&send(&authority.adapter(&at(&server)), &acting(&[])));
    assert!(
        failure.message.contains("there are none in it"),
        "{failure}"
    );
    std::fs::remove_file(&authority.file).unwrap();
    let failure = failed(&send(&authority.adapter(&at(&server)), &acting(&[])));
    assert!(failure.message.contains("cannot be read"), "{failure}");
}

#[test]
fn a_proxy_makes_a_way_and_sees_nothing_of_what_goes_through() {
    let authority = Authority::new();
    let server = authority.server("flags.example.org", LATER);
    let target = server.address;
    let asked = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&asked);
    let proxy = Server::raw(move |mut near| {
        *seen.lock().unwrap() = request(&mut near).unwrap();
        let far = TcpStream::connect(target).unwrap();
        near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let copy = |mut from: TcpStream, mut to: TcpStream| {
            std::thread::spawn(move || std::io::copy(&mut from, &mut to))
        };
        copy(near.try_clone().unwrap(), far.try_clone().unwrap());
        copy(far, near);
    });
    let adapter = HttpAdapter {
        network: network(&[("https_proxy", &proxy.url())]),
        ..authority.adapter(&at(&server))
    };
    succeeded(&send(&adapter, &acting(&[])));
    assert!(server.request().starts_with("POST /x HTTP/1.1\r\n"));
    let port = server.address.port();
    let expected = format!(
        "CONNECT flags.example.org:{port} HTTP/1.1\r\nhost: flags.example.org:{port}\r\n\r\n"
    );
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[test]
fn a_proxy_that_makes_no_way_is_said() {
    let proxy = Server::saying(&answer("403 Forbidden", "text/plain", "no"));
    let authority = Authority::new();
    let adapter = HttpAdapter {
        network: network(&[("HTTPS_PROXY", &proxy.url())]),
        ..authority.adapter("https://flags.example.org")
    };
    let failure = failed(&send(&adapter, &acting(&[])));
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(
        failure.message.ends_with("it answers 403 Forbidden"),
        "{failure}"
    );
}
