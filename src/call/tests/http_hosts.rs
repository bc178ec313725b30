//! Who is asked, and who never is: redirects, policies, proxies.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::http::{Lone, acting, adapter, failed, reading, send, spec, succeeded, templates};
use super::server::{Server, answer, redirect};
use crate::call::{Environment, HostRule, HttpAdapter, Network};
use crate::model::call::{Ended, FailureKind};
use crate::model::http::{Method, Redirects};

/// Answers `/begin` by sending elsewhere, all else with 200.
fn sending(status: &'static str, to: impl Fn() -> String + Send + 'static) -> Server {
    Server::new(move |request, line| {
        let answer = match request.split(' ').nth(1) {
            Some("/begin") => redirect(status, &to()),
            _ => answer("200 OK", "text/plain", "there"),
        };
        line.write_all(answer.as_bytes()).unwrap();
    })
}

fn following(method: Method) -> Lone {
    let mut spec = spec(method, "/begin");
    spec.request.headers = templates(&[("Authorization", "{{ settings.token }}")]);
    spec.reading.redirects = Redirects::SameHost;
    spec
}

#[test]
fn threat_43_a_redirect_is_not_followed_unless_that_is_asked_for() {
    let server = sending("302 Found", || "/there?token=x".to_owned());
    let mut spec = following(Method::Get);
    spec.reading.redirects = Redirects::None;
    let failure = failed(&send(&adapter(&server.url(), spec), &reading(&[])));
    assert!(
        failure
            .message
            .ends_with("/begin was answered with 302 Found"),
        "{failure}"
    );
    assert!(failure.hint.unwrap().contains("redirects: same_host"));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn threat_43_credentials_never_go_to_another_host_port_or_scheme() {
    let thief = Server::ok("{}");
    let places = [
        format!("{}/steal?sig=abc", thief.url()),
        format!("//{}/steal", thief.address),
        "https://127.0.0.1/steal".to_owned(),
        "http://localhost/steal".to_owned(),
    ];
    for place in places {
        let server = sending("307 Temporary Redirect", move || place.clone());
        let adapter = adapter(&server.url(), following(Method::Get));
        let failure = failed(&send(&adapter, &reading(&[])));
        let hint = failure.hint.unwrap();
        assert!(hint.contains("/steal, which was not followed"), "{hint}");
        assert!(!hint.contains("sig"), "{hint}");
    }
    for place in [
        "http://user@[",
        "ftp://x/",
        "file:///etc/passwd",
        "/../x",
        "http://a b/",
    ] {
        let server = sending("302 Found", move || place.to_owned());
        let failure = failed(&send(
            &adapter(&server.url(), following(Method::Get)),
            &reading(&[]),
        ));
        assert!(failure.hint.unwrap().contains("no URL to ask"), "{place}");
    }
    assert_eq!(thief.requests().len(), 0);
}

#[test]
fn the_same_host_is_followed_as_the_status_says() {
    for (method, status, expected) in [
        (Method::Get, "301 Moved Permanently", "GET /there?a=b"),
        (Method::Post, "302 Found", "GET /there?a=b"),
        (Method::Put, "303 See Other", "GET /there?a=b"),
        (Method::Put, "302 Found", "PUT /there?a=b"),
        (Method::Post, "307 Temporary Redirect", "POST /there?a=b"),
        (Method::Post, "308 Permanent Redirect", "POST /there?a=b"),
    ] {
        let server = sending(status, || "/there?a=b#c".to_owned());
        let mut spec = following(method);
        if !method.looks() {
            spec.request.body = Some(crate::call::RequestBody::Text("x".parse().unwrap()));
        }
        let reply = send(&adapter(&server.url(), spec), &acting(&[]));
        assert_eq!(succeeded(&reply), r#"{"status":200,"body":"there"}"#);
        let second = &server.requests()[1];
        assert!(second.starts_with(expected), "{status}: {second}");
        assert!(second.contains("authorization: s3cret-t0ken"), "{second}");
        assert_eq!(
            second.contains("content-type"),
            !expected.starts_with("GET"),
            "{second}"
        );
    }
    let server = sending("302 Found", || "there".to_owned());
    succeeded(&send(
        &adapter(&server.url(), following(Method::Get)),
        &reading(&[]),
    ));
    assert!(server.requests()[1].starts_with("GET /there "));
}

#[test]
fn threat_43_redirects_without_end_come_to_one() {
    let server = Server::saying(&redirect("302 Found", "/begin"));
    let failure = failed(&send(
        &adapter(&server.url(), following(Method::Get)),
        &reading(&[]),
    ));
    assert!(failure.hint.unwrap().contains("followed 5 times"));
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn what_was_sent_on_and_then_found_nobody_is_a_doubt() {
    // It answers once, and is gone.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut bytes = [0; 4096];
        let _ = io::Read::read(&mut stream, &mut bytes).unwrap();
        io::Write::write_all(
            &mut stream,
            redirect("307 Temporary Redirect", "/x").as_bytes(),
        )
        .unwrap();
    });
    let reply = send(
        &adapter(&format!("http://{address}"), following(Method::Post)),
        &acting(&[]),
    );
    served.join().unwrap();
    assert!(
        matches!(&reply.ended, Ended::Unknown(why) if why.contains("cannot connect")),
        "{reply:?}"
    );
}

/// An adapter in an environment with such a policy, in which every name is these addresses.
fn under(
    rule: HostRule,
    addresses: &'static [&'static str],
    url: &str,
) -> (HttpAdapter, Arc<AtomicUsize>) {
    let looked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&looked);
    let network = Network::new(&Environment::new(), rule).resolving(Arc::new(move |_, port| {
        count.fetch_add(1, Ordering::Relaxed);
        let addresses = addresses.iter().map(|a| a.parse::<IpAddr>().unwrap());
        Ok(addresses.map(|ip| SocketAddr::new(ip, port)).collect())
    }));
    let adapter = HttpAdapter {
        network: Arc::new(network),
        ..adapter(url, spec(Method::Get, "/"))
    };
    (adapter, looked)
}

fn no_private() -> HostRule {
    HostRule::new(None, true)
}

#[test]
fn threat_46_metadata_and_private_addresses_are_refused_before_anything_is_sent() {
    let server = Server::ok("{}");
    let port = server.address.port();
    for url in [
        format!("http://127.0.0.1:{port}"),
        format!("http://[::ffff:127.0.0.1]:{port}"),
        "http://169.254.169.254".to_owned(),
        "http://[fd00:ec2::254]".to_owned(),
    ] {
        let (adapter, _) = under(no_private(), &[], &url);
        let failure = failed(&send(&adapter, &reading(&[])));
        assert_eq!(failure.kind, FailureKind::NotStarted);
        assert!(
            failure.message.contains("refuses private addresses"),
            "{failure}"
        );
    }
    // What the system's resolver makes of it counts, not how it is written.
    for host in ["127.1", "2130706433", "0x7f000001", "localhost"] {
        let adapter = HttpAdapter {
            network: Arc::new(Network::new(&Environment::new(), no_private())),
            ..adapter(&format!("http://{host}:{port}"), spec(Method::Get, "/"))
        };
        let failure = failed(&send(&adapter, &reading(&[])));
        assert_eq!(failure.kind, FailureKind::NotStarted, "{failure}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn threat_46_a_name_that_leads_to_a_private_address_is_refused_by_its_address() {
    let cases: [&'static [&'static str]; 3] = [
        &["10.0.0.1"],
        // A good address beside it does not help.
        &["1.1.1.1", "169.254.169.254"],
        &["64:ff9b::a9fe:a9fe"],
    ];
    for addresses in cases {
        let (adapter, looked) = under(no_private(), addresses, "http://flags.example.org");
        let failure = failed(&send(&adapter, &reading(&[])));
        assert!(
            failure.message.contains("http://flags.example.org is "),
            "{failure}"
        );
        assert!(
            failure.message.contains("refuses private addresses"),
            "{failure}"
        );
        assert_eq!(looked.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn threat_46_what_was_checked_is_what_is_connected_to() {
    // Each redirect is another connection; the name could be another address by then.
    let server = sending("302 Found", || "/there".to_owned());
    let url = format!("http://flags.example.org:{}", server.address.port());
    let (adapter, looked) = under(HostRule::default(), &["127.0.0.1"], &url);
    let actions = [("act".parse().unwrap(), following(Method::Get).into())];
    let adapter = HttpAdapter {
        actions: actions.into_iter().collect(),
        ..adapter
    };
    succeeded(&send(&adapter, &reading(&[])));
    assert_eq!(server.requests().len(), 2);
    assert_eq!(looked.load(Ordering::Relaxed), 1);
}

#[test]
fn threat_46_hosts_that_no_policy_names_are_not_even_looked_up() {
    let allow = [
        "flags.example.org".to_owned(),
        "*.internal.example".to_owned(),
    ];
    let rule = HostRule::new(Some(&allow), false);
    let (adapter, looked) = under(rule, &["127.0.0.1"], "http://evil.example.org");
    let failure = failed(&send(&adapter, &reading(&[])));
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(failure.message.contains("none of the hosts"), "{failure}");
    assert!(failure.hint.unwrap().contains("policy.hosts.allow"));
    assert_eq!(looked.load(Ordering::Relaxed), 0);
}

fn behind(proxy: &str, rule: HostRule, no: &str, url: &str) -> HttpAdapter {
    let env = [("http_proxy", proxy), ("NO_PROXY", no)];
    let env = env
        .map(|(name, value)| (name.into(), value.into()))
        .into_iter()
        .collect();
    let network = Network::new(&env, rule).resolving(Arc::new(|_, port| {
        Ok(vec![SocketAddr::new([127, 0, 0, 1].into(), port)])
    }));
    HttpAdapter {
        network: Arc::new(network),
        ..adapter(url, spec(Method::Get, "/x?y"))
    }
}

#[test]
fn a_proxy_of_the_environment_is_asked_in_place_of_the_host() {
    let proxy = Server::ok("{}");
    let with_password = proxy.url().replace("http://", "http://me:pass@");
    let adapter = behind(
        &with_password,
        HostRule::default(),
        "",
        "http://flags.example.org",
    );
    succeeded(&send(&adapter, &reading(&[])));
    let request = proxy.request();
    assert!(
        request.starts_with(
            "GET http://flags.example.org/x?y HTTP/1.1\r\nhost: flags.example.org\r\n"
        ),
        "{request}"
    );
    assert!(
        request.contains("proxy-authorization: Basic bWU6cGFzcw==\r\n"),
        "{request}"
    );
    assert!(!format!("{:?}", adapter.network).contains("pass"));
}

#[test]
fn what_needs_no_proxy_is_asked_itself() {
    let (proxy, server) = (Server::ok("{}"), Server::ok("{}"));
    let url = format!("http://flags.example.org:{}", server.address.port());
    let adapter = behind(&proxy.url(), HostRule::default(), ".example.org", &url);
    succeeded(&send(&adapter, &reading(&[])));
    assert!(server.request().starts_with("GET /x?y HTTP/1.1\r\n"));
    assert_eq!(proxy.requests().len(), 0);
}

#[test]
fn threat_46_behind_a_proxy_nobody_can_promise_which_address_is_asked() {
    let proxy = Server::ok("{}");
    let adapter = behind(&proxy.url(), no_private(), "", "http://flags.example.org");
    let failure = failed(&send(&adapter, &reading(&[])));
    assert!(failure.message.contains("through a proxy"), "{failure}");
    assert!(failure.hint.unwrap().contains("no_proxy"));
    let adapter = behind("socks5://127.0.0.1:1", HostRule::default(), "", "http://a");
    assert!(
        failed(&send(&adapter, &reading(&[])))
            .message
            .contains("no http:// proxy")
    );
    assert_eq!(proxy.requests().len(), 0);
}
