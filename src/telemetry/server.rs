//! A small HTTP server that a stranger cannot make grow: one thread, 128 connections of one
//! request each, GET and HEAD only, bodies never read, headers within 5 s and 16 KiB.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, oneshot, watch};

use super::hosts::Listen;
use patient::Patient;

mod patient;

/// Open connections; further ones wait until one of them ends.
const CONNECTIONS: usize = 128;
/// Of these, how many may be event streams, which do not end by themselves.
const STREAMS: usize = 64;
/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(5);
/// How long a client may take nothing of what is written to it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that the kernel holds for a slow reader.
const SEND_BUFFER: u32 = 64 * 1024;
/// How often a silent event stream shows that it lives.
const PULSE: Duration = Duration::from_secs(15);

/// What a client asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The path, as it came.
    pub path: &'a str,
    /// What stands behind the question mark, as it came.
    pub query: &'a str,
}

/// What a client is answered.
pub enum Answer {
    /// A page.
    Page {
        /// Status code.
        status: u16,
        /// Media type.
        media: &'static str,
        /// Further headers.
        headers: &'static [(&'static str, &'static str)],
        /// The content.
        body: Bytes,
    },
    /// Server-sent events: what a feed has, then what it gets.
    Events(watch::Receiver<Bytes>),
}

impl Answer {
    /// A page without further headers.
    pub fn text(status: u16, media: &'static str, body: impl Into<Bytes>) -> Self {
        Self::Page { status, media, headers: &[], body: body.into() }
    }

    /// No such page.
    pub fn missing() -> Self {
        Self::text(404, "text/plain; charset=utf-8", "no such page\n")
    }
}

/// The newest event; a reader that is slow misses the older ones and costs no memory.
#[derive(Debug)]
pub struct Feed(watch::Sender<Bytes>);

impl Default for Feed {
    fn default() -> Self {
        Self(watch::Sender::new(Bytes::new()))
    }
}

impl Feed {
    /// Replaces the newest event. `data` is one line.
    pub fn send(&self, name: &str, data: &str) {
        self.0.send_replace(format!("event: {name}\ndata: {data}\n\n").into());
    }

    /// Whether anybody listens.
    pub fn is_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// The answer that brings them.
    pub fn answer(&self) -> Answer {
        Answer::Events(self.0.subscribe())
    }
}

/// Answers requests; called on the server's one thread, so it must not wait.
pub trait Site: Send + Sync {
    /// Answers a GET or HEAD from a client that may ask.
    fn answer(&self, asked: &Asked<'_>) -> Answer;
}

/// A running server; it ends when this is dropped.
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
}

impl Server {
    /// Starts to serve.
    pub fn start(listen: Listen, site: Arc<dyn Site>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = bind(&runtime, &listen)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let host = Arc::new(Host { listen, site, streams: AtomicUsize::new(0) });
        std::thread::Builder::new().name("http".to_owned()).spawn(move || {
            runtime.block_on(async {
                let accepting = tokio::spawn(accept(listener, host));
                let _ = stopped.await;
                accepting.abort();
            });
        })?;
        Ok(Self { address, stop: Some(stop) })
    }

    /// Where it listens: with port 0 the system chose one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

fn bind(runtime: &Runtime, listen: &Listen) -> io::Result<TcpListener> {
    let _inside = runtime.enter();
    let address = listen.address();
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{address}: {error}"));
    socket.bind(address).map_err(named)?;
    socket.listen(CONNECTIONS as u32).map_err(named)
}

/// What all connections share.
struct Host {
    listen: Listen,
    site: Arc<dyn Site>,
    streams: AtomicUsize,
}

type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

async fn accept(listener: TcpListener, host: Arc<Host>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: it passes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let host = Arc::clone(&host);
        tokio::spawn(async move {
            let answer = |request| {
                let reply = reply(&host, &request);
                async move { Ok::<_, Infallible>(reply) }
            };
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(16 * 1024)
                .keep_alive(false)
                .serve_connection(Patient::new(stream, PATIENCE), service_fn(answer));
            let _ = connection.await;
            drop(place);
        });
    }
}

fn reply(host: &Arc<Host>, request: &Request<Incoming>) -> Reply {
    let plain = |status, text: &'static str| Answer::text(status, "text/plain", text);
    let answer = if request.method() != Method::GET && request.method() != Method::HEAD {
        plain(405, "GET or HEAD only\n")
    } else if !may_ask(&host.listen, request) {
        plain(421, "unknown host name: see --http-host\n")
    } else {
        let uri = request.uri();
        host.site.answer(&Asked { path: uri.path(), query: uri.query().unwrap_or_default() })
    };
    match answer {
        Answer::Page { status, media, headers, body } => {
            let mut reply = head(status, media, Full::new(body).boxed_unsync());
            for (name, value) in headers {
                reply.headers_mut().insert(*name, HeaderValue::from_static(value));
            }
            reply
        }
        Answer::Events(feed) => match Events::new(feed, host) {
            Some(events) => head(200, "text/event-stream", events.boxed_unsync()),
            None => head(503, "text/plain", Full::new("enough listeners\n".into()).boxed_unsync()),
        },
    }
}

/// By the host it names, in its one `Host` header and in an absolute address.
fn may_ask(listen: &Listen, request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let allows = |name: &str| listen.allows(name);
    host.to_str().is_ok_and(allows) && request.uri().host().is_none_or(allows)
}

fn head(status: u16, media: &'static str, body: UnsyncBoxBody<Bytes, Infallible>) -> Reply {
    Response::builder()
        .status(status)
        .header("content-type", media)
        .header("cache-control", "no-store")
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "no-referrer")
        .header("cross-origin-resource-policy", "same-origin")
        .header("content-security-policy", "default-src 'none'; frame-ancestors 'none'")
        .body(body)
        .expect("every status and header is well formed")
}

type Next = Pin<Box<dyn Future<Output = Option<(Bytes, watch::Receiver<Bytes>)>> + Send>>;

/// A body that brings the newest event whenever the client took the last one.
struct Events {
    next: Next,
    host: Arc<Host>,
}

impl Events {
    /// `None` where there are enough listeners already.
    fn new(mut feed: watch::Receiver<Bytes>, host: &Arc<Host>) -> Option<Self> {
        let before = host.streams.fetch_add(1, Ordering::Relaxed);
        feed.mark_changed();
        let events = Self { next: Box::pin(next(feed)), host: Arc::clone(host) };
        (before < STREAMS).then_some(events)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.host.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn next(mut feed: watch::Receiver<Bytes>) -> Option<(Bytes, watch::Receiver<Bytes>)> {
    let event = match tokio::time::timeout(PULSE, feed.changed()).await {
        Ok(Ok(())) => feed.borrow_and_update().clone(),
        Ok(Err(_)) => return None,
        Err(_) => Bytes::new(),
    };
    // A comment says nothing, and shows that the connection lives.
    let event = if event.is_empty() { Bytes::from_static(b":\n\n") } else { event };
    Some((event, feed))
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.next.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some((event, feed))) => {
                self.next = Box::pin(next(feed));
                Poll::Ready(Some(Ok(Frame::data(event))))
            }
        }
    }
}
