//! A server on loopback that says exactly what a test tells it to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What both kinds of connection are.
pub trait Line: Read + Write + Send {}
impl<T: Read + Write + Send> Line for T {}

/// What a server does with one connection: it got a request, and answers.
pub type Act = Box<dyn FnMut(&str, &mut dyn Line) + Send>;

/// A server, and all requests that it got.
pub struct Server {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    /// Held for as long as the test lasts: who waits for it is released at its end.
    _release: Sender<()>,
}

impl Server {
    /// Answers each request in this way.
    pub fn new(act: impl FnMut(&str, &mut dyn Line) + Send + 'static) -> Self {
        Self::start(Box::new(act), None)
    }

    /// Answers each request with these bytes, then closes.
    pub fn saying(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::new(move |_, line| line.write_all(answer.as_bytes()).unwrap_or_default())
    }

    /// Answers each with 200 and this JSON.
    pub fn ok(json: &str) -> Self {
        Self::saying(&answer("200 OK", "application/json", json))
    }

    /// Reads each request, and never answers.
    pub fn silent() -> Self {
        let (release, wait) = channel();
        let wait = Mutex::new(wait);
        let mut server = Self::new(move |_, _| hang(&wait.lock().unwrap()));
        server._release = release;
        server
    }

    /// Does with each connection what only a broken server does.
    pub fn raw(mut act: impl FnMut(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || listener.incoming().flatten().for_each(&mut act));
        Self {
            address,
            requests: Arc::default(),
            _release: channel().0,
        }
    }

    /// Answers over TLS.
    pub fn tls(config: Arc<ServerConfig>, answer: &str) -> Self {
        let answer = answer.to_owned();
        let act = move |_: &str, line: &mut dyn Line| {
            line.write_all(answer.as_bytes()).unwrap_or_default();
        };
        Self::start(Box::new(act), Some(config))
    }

    fn start(mut act: Act, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        // It ends with the process of the tests: it then waits for a connection that never comes.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut line: Box<dyn Line> = match &tls {
                    None => Box::new(stream),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                        Box::new(StreamOwned::new(connection, stream))
                    }
                };
                if let Some(request) = request(&mut *line) {
                    seen.lock().unwrap().push(request.clone());
                    act(&request, &mut *line);
                    let _ = line.flush();
                }
            }
        });
        Self {
            address,
            requests,
            _release: channel().0,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far, whole.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The only request.
    pub fn request(&self) -> String {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests[0].clone()
    }
}

/// Waits until the test is over.
pub fn hang(release: &Receiver<()>) {
    let _ = release.recv();
}

/// An answer with its length.
pub fn answer(status: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An answer that sends elsewhere.
pub fn redirect(status: &str, to: &str) -> String {
    format!("HTTP/1.1 {status}\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
}

/// A whole request: its head, and as much body as it says.
pub fn request(line: &mut dyn Line) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        match line.read(&mut byte) {
            Ok(1) => bytes.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    line.read_exact(&mut body).ok()?;
    bytes.extend(body);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// An address of loopback on which nobody listens.
pub fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
