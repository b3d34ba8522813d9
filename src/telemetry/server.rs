//! A small HTTP server with bounded resources: one thread, 128 connections of one request each, GET and
//! HEAD only, request bodies not read, headers of at most 16 KiB within 5 s.

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
use write_timeout::WriteTimeout;

mod write_timeout;

/// Maximum number of open connections; further clients wait until one is closed.
const MAX_CONNECTIONS: usize = 128;
/// Maximum number of connections that are event streams, which have no end.
const MAX_STREAMS: usize = 64;
/// Timeout for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout for a write without progress.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Size of the send buffer of a connection, in bytes.
const SEND_BUFFER: u32 = 64 * 1024;
/// Interval of the keep-alive comments on an idle event stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The target of a request.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<'a> {
    /// The path, not decoded.
    pub path: &'a str,
    /// The query after the question mark, not decoded.
    pub query: &'a str,
}

/// A response.
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
    /// Server-sent events: the current event of a feed, then its updates.
    Events(watch::Receiver<Bytes>),
}

impl Answer {
    /// A page without further headers.
    pub fn text(status: u16, media: &'static str, body: impl Into<Bytes>) -> Self {
        Self::Page { status, media, headers: &[], body: body.into() }
    }

    /// Status 404.
    pub fn missing() -> Self {
        Self::text(404, "text/plain; charset=utf-8", "no such page\n")
    }
}

/// The most recent event. A slow client misses intermediate events and needs no additional memory.
#[derive(Debug)]
pub struct Feed(watch::Sender<Bytes>);

impl Default for Feed {
    fn default() -> Self {
        Self(watch::Sender::new(Bytes::new()))
    }
}

impl Feed {
    /// Replaces the event. `data` is one line.
    pub fn send(&self, name: &str, data: &str) {
        self.0.send_replace(format!("event: {name}\ndata: {data}\n\n").into());
    }

    /// Whether a client is connected.
    pub fn has_subscribers(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// A response that streams the events.
    pub fn answer(&self) -> Answer {
        Answer::Events(self.0.subscribe())
    }
}

/// The pages of a server. Called on the only thread of the server, so it must not block.
pub trait Site: Send + Sync {
    /// The response to a GET or HEAD request with an allowed host name.
    fn answer(&self, request: &PageRequest<'_>) -> Answer;
}

/// A running server; dropping it stops the server.
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
}

impl Server {
    /// Starts the server.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn start(listen: Listen, site: Arc<dyn Site>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = bind(&runtime, &listen)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::new(Shared { listen, site, streams: AtomicUsize::new(0) });
        std::thread::Builder::new().name("http".to_owned()).spawn(move || {
            runtime.block_on(async {
                let accepting = tokio::spawn(accept(listener, shared));
                let _ = stopped.await;
                accepting.abort();
            });
        })?;
        Ok(Self { address, stop: Some(stop) })
    }

    /// The address it listens on; for port 0, with the port that the system chose.
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
    socket.listen(MAX_CONNECTIONS as u32).map_err(named)
}

/// State shared by all connections.
struct Shared {
    listen: Listen,
    site: Arc<dyn Site>,
    streams: AtomicUsize,
}

type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // The usual cause is a lack of file descriptors, which is temporary.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let answer = |request| {
                let reply = reply(&shared, &request);
                async move { Ok::<_, Infallible>(reply) }
            };
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(16 * 1024)
                .keep_alive(false)
                .serve_connection(WriteTimeout::new(stream, WRITE_TIMEOUT), service_fn(answer));
            let _ = connection.await;
            drop(permit);
        });
    }
}

fn reply(shared: &Arc<Shared>, request: &Request<Incoming>) -> Reply {
    let plain = |status, text: &'static str| Answer::text(status, "text/plain", text);
    let answer = if request.method() != Method::GET && request.method() != Method::HEAD {
        plain(405, "GET or HEAD only\n")
    } else if !host_is_allowed(&shared.listen, request) {
        plain(421, "unknown host name: see --http-host\n")
    } else {
        let uri = request.uri();
        shared
            .site
            .answer(&PageRequest { path: uri.path(), query: uri.query().unwrap_or_default() })
    };
    match answer {
        Answer::Page { status, media, headers, body } => {
            let mut reply = head(status, media, Full::new(body).boxed_unsync());
            for (name, value) in headers {
                reply.headers_mut().insert(*name, HeaderValue::from_static(value));
            }
            reply
        }
        Answer::Events(feed) => match Events::new(feed, shared) {
            Some(events) => head(200, "text/event-stream", events.boxed_unsync()),
            None => {
                head(503, "text/plain", Full::new("too many event streams\n".into()).boxed_unsync())
            }
        },
    }
}

/// Whether the host names in the only `Host` header and in an absolute target are allowed.
fn host_is_allowed(listen: &Listen, request: &Request<Incoming>) -> bool {
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
        .expect("status and headers are constant and valid")
}

type Next = Pin<Box<dyn Future<Output = Option<(Bytes, watch::Receiver<Bytes>)>> + Send>>;

/// A body that sends the current event whenever the client has received the previous one.
struct Events {
    next: Next,
    shared: Arc<Shared>,
}

impl Events {
    /// `None` where the maximum number of streams is reached.
    fn new(mut feed: watch::Receiver<Bytes>, shared: &Arc<Shared>) -> Option<Self> {
        let before = shared.streams.fetch_add(1, Ordering::Relaxed);
        feed.mark_changed();
        let events = Self { next: Box::pin(next(feed)), shared: Arc::clone(shared) };
        (before < MAX_STREAMS).then_some(events)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn next(mut feed: watch::Receiver<Bytes>) -> Option<(Bytes, watch::Receiver<Bytes>)> {
    let event = match tokio::time::timeout(KEEP_ALIVE, feed.changed()).await {
        Ok(Ok(())) => feed.borrow_and_update().clone(),
        Ok(Err(_)) => return None,
        Err(_) => Bytes::new(),
    };
    // A comment keeps the connection alive.
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
