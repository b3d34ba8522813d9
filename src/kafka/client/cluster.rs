//! The connection to the brokers: requests about topics, and the clients that read and write them.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as Waking, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::kafka::client::clock::now;
use crate::kafka::client::config;
use crate::kafka::client::consumer::Consumer;
use crate::kafka::client::context::{Context, Events};
use crate::kafka::client::errors::{
    Stopped, code, configuration, explained, failed, is_lost, refusal,
};
use crate::kafka::client::group_position::GroupPosition;
use crate::kafka::client::interface::{
    Brokers, GroupConsumer, PartitionReader, TransactionalProducer,
};
use crate::kafka::client::producer::Producer;
use crate::kafka::client::reader::Reader;
use crate::kafka::client::settings::{Creation, From, LARGEST_RECORD, Settings};
use crate::kafka::client::topics::Topic;

/// Timeout of one request, which is then repeated.
const REQUEST: Duration = Duration::from_secs(2);

/// The brokers.
pub(crate) struct Cluster {
    consumer: BaseConsumer<Context>,
    events: Arc<Events>,
    settings: Settings,
}

impl Cluster {
    /// Waits until a broker answers.
    pub(crate) fn connect(settings: &Settings) -> io::Result<Self> {
        log::info!("connecting: {}", settings.summary());
        let start = now();
        loop {
            match Self::connect_once(settings) {
                Err(error) if !is_lost(&error) => return Err(error),
                Err(error) if start.elapsed() > settings.wait => {
                    return Err(Stopped::Unreachable(error.to_string()).into());
                }
                Err(_) => {}
                Ok(cluster) => return Ok(cluster),
            }
        }
    }

    fn connect_once(settings: &Settings) -> io::Result<Self> {
        let events = Arc::new(Events::default());
        let context = Context::new(&events);
        let consumer: BaseConsumer<Context> = config::cluster(settings)
            .create_with_context(context)
            .map_err(|error| configuration(&error))?;
        let cluster = Self { consumer, events, settings: settings.clone() };
        cluster.request("connecting", |consumer| {
            consumer.fetch_metadata(Some(settings.topic(Topic::Tweets)), REQUEST)
        })?;
        cluster.events.outages().mark_up();
        Ok(cluster)
    }

    /// Repeats a call until it succeeds, for as long as `--wait`; a rejection is an error.
    fn request<T>(
        &self,
        what: &str,
        call: impl Fn(&BaseConsumer<Context>) -> Result<T, KafkaError>,
    ) -> io::Result<T> {
        let start = now();
        loop {
            let error = match call(&self.consumer) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // Polling serves the queue of the connection errors.
            while self.consumer.poll(Duration::from_millis(10)).is_some() {}
            if let Some(refused) = code(&error).and_then(|code| refusal(code, what)) {
                return Err(refused);
            }
            self.check_connection()?;
            self.events.check_brokers(&self.settings.brokers)?;
            if self.settings.stop.load(Ordering::Relaxed) {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "stopped by a signal"));
            }
            let waited = self.events.outages().failing_for(start);
            if waited > self.settings.wait {
                return Err(self.unreachable(waited, &error.to_string()));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// A rejected login or certificate is an error without waiting.
    fn check_connection(&self) -> io::Result<()> {
        let Some(last) = self.events.outages().connection_error() else { return Ok(()) };
        let untrusted = last.code == Code::SSL
            && ["verif", "certificate", "alert"].iter().any(|word| last.text.contains(word));
        if untrusted {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "the TLS certificate of the broker or of this client was rejected: check \
                     ssl.ca.location, ssl.certificate.location and the broker's name: {}",
                    last.text
                ),
            ));
        }
        let refused = refusal(last.code, &format!("brokers {}", self.settings.brokers));
        refused.map_or(Ok(()), |error| {
            Err(io::Error::new(error.kind(), format!("{error}: {}", last.text)))
        })
    }

    fn unreachable(&self, waited: Duration, error: &str) -> io::Error {
        let why = self.events.outages().connection_error().map_or(error.to_owned(), |it| it.text);
        let brokers = &self.settings.brokers;
        Stopped::Unreachable(self.events.outages().unreachable(brokers, waited, Some(&why))).into()
    }

    /// The offset that a group has committed for a partition; `None` where it has committed those of others only, as
    /// it does where a partition was empty.
    ///
    /// An error where it has committed no offset of the topic: its name may be misspelt, and a start at the first record
    /// would write everything again.
    fn committed_by(&self, group: &str, topic: &str, partition: i32) -> io::Result<Option<i64>> {
        let positions = GroupPosition::open(&self.settings, group, topic)?;
        if let Some(position) = positions.committed(partition)? {
            return Ok(Some(position.offset));
        }
        for other in 0..self.partitions(topic)?.unwrap_or_default() {
            if positions.committed(other)?.is_some() {
                return Ok(None);
            }
        }
        Err(failed(format!(
            "--from group:{group}: the group has committed no position in topic {topic}: check its name \
             (kafka-consumer-groups.sh --list), or start with --from earliest or latest"
        )))
    }

    /// Creates those of `topics` that are missing.
    pub(crate) fn create(&self, topics: &[Topic], creation: &Creation) -> io::Result<()> {
        for topic in topics {
            self.create_named(self.settings.topic(*topic), Some(*topic), creation)?;
        }
        Ok(())
    }

    /// Creates a topic that is missing; without `topic`, one for dead letters.
    pub(crate) fn create_named(
        &self,
        name: &str,
        topic: Option<Topic>,
        creation: &Creation,
    ) -> io::Result<()> {
        if self.partitions(name)?.is_some() {
            return Ok(());
        }
        let what = format!("creating topic {name}");
        let compacted = matches!(topic, Some(Topic::Models | Topic::CollectState));
        let partitions = if compacted { 1 } else { creation.partitions };
        let largest = LARGEST_RECORD.to_string();
        let retention = creation.tweets_retention.as_millis().to_string();
        let copies = TopicReplication::Fixed(creation.replication);
        let codec = match config::codec(&self.settings) {
            "none" => "uncompressed",
            codec => codec,
        };
        let mut new = NewTopic::new(name, partitions, copies)
            .set("max.message.bytes", &largest)
            .set("compression.type", codec);
        if compacted {
            new = new.set("cleanup.policy", "compact");
        }
        if topic == Some(Topic::Tweets) {
            new = new.set("retention.ms", &retention);
        }
        let admin = self.admin()?;
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        let results = block_on(admin.create_topics([&new], &options))
            .map_err(|error| explained(&what, &error))?;
        for result in results {
            match result {
                Ok(_) => log::info!("created topic {name} with {partitions} partitions"),
                Err((_, Code::TopicAlreadyExists)) => {}
                Err((_, code)) => {
                    return Err(
                        refusal(code, &what).unwrap_or_else(|| failed(format!("{what}: {code}")))
                    );
                }
            }
        }
        let start = now();
        while self.partitions(name)?.is_none() {
            if start.elapsed() > self.settings.wait {
                return Err(failed(format!("{what}: the topic does not exist after its creation")));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Number of bytes of a record of a topic, at most, if the broker returns it.
    pub(crate) fn largest_record(&self, topic: &str) -> io::Result<Option<usize>> {
        let admin = self.admin()?;
        let resources = [ResourceSpecifier::Topic(topic)];
        let answer = block_on(admin.describe_configs(&resources, &AdminOptions::new()));
        let what = format!("topic {topic}");
        let found = answer.map_err(|error| explained(&what, &error))?.pop();
        let Some(Ok(resource)) = found else { return Ok(None) };
        let entry = resource.entries.iter().find(|it| it.name == "max.message.bytes");
        Ok(entry.and_then(|it| it.value.as_ref()).and_then(|value| value.parse().ok()))
    }

    /// The committed position of the group of this command, without joining it.
    pub(crate) fn group_position(&self, topic: &str) -> io::Result<GroupPosition> {
        GroupPosition::open(&self.settings, &self.settings.group, topic)
    }

    /// Opens the producer of this instance, also for writing without transactions.
    pub(crate) fn open_producer(&self) -> io::Result<Producer> {
        Producer::open(&self.settings, &self.events)
    }

    fn admin(&self) -> io::Result<AdminClient<Context>> {
        let context = Context::new(&self.events);
        config::cluster(&self.settings)
            .create_with_context(context)
            .map_err(|error| configuration(&error))
    }
}

impl Brokers for Cluster {
    fn last_error(&self) -> Option<String> {
        self.events.outages().connection_error().map(|it| it.text)
    }

    fn unanswered(&self) -> String {
        self.events.outages().unanswered()
    }

    fn check_reachable(&self) -> io::Result<()> {
        // Polling serves the queue of the log lines.
        self.consumer.poll(Duration::ZERO);
        self.events.check_brokers(&self.settings.brokers)?;
        let Some(since) = self.events.outages().down_since() else { return Ok(()) };
        if since.elapsed() < self.settings.wait {
            return Ok(());
        }
        let tweets = self.settings.topic(Topic::Tweets);
        match self.consumer.fetch_metadata(Some(tweets), REQUEST) {
            Ok(_) => {
                self.events.outages().mark_up();
                Ok(())
            }
            Err(error) => Err(self.unreachable(since.elapsed(), &error.to_string())),
        }
    }

    fn partitions(&self, topic: &str) -> io::Result<Option<i32>> {
        let what = format!("topic {topic}");
        let metadata =
            self.request(&what, |consumer| consumer.fetch_metadata(Some(topic), REQUEST))?;
        let Some(found) = metadata.topics().iter().find(|it| it.name() == topic) else {
            return Ok(None);
        };
        match found.error().map(Code::from) {
            None => Ok(Some(found.partitions().len() as i32)),
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => Ok(None),
            Some(Code::LeaderNotAvailable) => Ok(None),
            Some(code) => Err(refusal(code, &what)
                .unwrap_or_else(|| failed(format!("{what}: {}", KafkaError::MetadataFetch(code))))),
        }
    }

    fn required(&self, topic: Topic) -> io::Result<i32> {
        let name = self.settings.topic(topic);
        self.partitions(name)?.ok_or_else(|| {
            let command = &self.settings.command;
            let is_of_log = topic == Topic::Logs && command != "log";
            let log = if is_of_log { " --log-topic" } else { "" };
            let renamed = match topic.default_name() {
                default if default == name => String::new(),
                default => format!(" --topic {default}={name}"),
            };
            failed(format!(
                "topic {name} is missing: create it with `tweetoscope {command} --kafka \
                 --create-topics{log}{renamed}` or with Kafka's own kafka-topics.sh"
            ))
        })
    }

    fn ends(&self, topic: &str, partition: i32) -> io::Result<(i64, i64)> {
        self.request(&format!("topic {topic} partition {partition}"), |consumer| {
            consumer.fetch_watermarks(topic, partition, REQUEST)
        })
    }

    fn start(&self, topic: &str, partition: i32) -> io::Result<i64> {
        let (first, end) = self.ends(topic, partition)?;
        Ok(match &self.settings.from {
            From::Earliest => first,
            From::Latest => end,
            From::Group(group) => self.committed_by(group, topic, partition)?.unwrap_or(first),
        })
    }

    fn consumer(&self, topic: &str) -> io::Result<Box<dyn GroupConsumer>> {
        Ok(Box::new(Consumer::join(&self.settings, &self.events, topic)?))
    }

    fn producer(&self) -> io::Result<Box<dyn TransactionalProducer>> {
        Ok(Box::new(self.open_producer()?))
    }

    fn reader(
        &self,
        topic: &str,
        starts: &BTreeMap<i32, i64>,
    ) -> io::Result<Box<dyn PartitionReader>> {
        Ok(Box::new(Reader::open(&self.settings, &self.events, topic, starts)?))
    }

    fn wait(&self) -> Duration {
        self.settings.wait
    }

    fn pause(&self, time: Duration) {
        thread::sleep(time);
    }
}

/// Waits for the result of a call of the admin client, which completes it on its own thread.
fn block_on<T>(answer: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut waking = Waking::from_waker(&waker);
    let mut answer = pin!(answer);
    loop {
        match answer.as_mut().poll(&mut waking) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}
