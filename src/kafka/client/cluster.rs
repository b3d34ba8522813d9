//! Questions about the brokers' topics, asked before work begins and when it is found again.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as Waking, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::kafka::client::clock::now;
use crate::kafka::client::context::{Context, Shared};
use crate::kafka::client::errors::{Stopped, code, explained, failed, refusal};
use crate::kafka::client::settings::{Creation, LARGEST_RECORD, Settings};
use crate::kafka::client::topics::Topic;

/// How long one question may take before it is asked again.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the brokers.
pub(crate) struct Cluster {
    consumer: BaseConsumer<Context>,
    shared: Arc<Shared>,
    wait: Duration,
    settings: Settings,
}

impl Cluster {
    /// Waits until a broker answers.
    pub(crate) fn connect(settings: &Settings, shared: &Arc<Shared>) -> io::Result<Self> {
        log::info!("connecting: {}", settings.shown());
        let context = Context { shared: Arc::clone(shared) };
        let consumer: BaseConsumer<Context> = settings
            .inquirer()
            .create_with_context(context)
            .map_err(|error| configuration(&error))?;
        let cluster = Self {
            consumer,
            shared: Arc::clone(shared),
            wait: settings.wait,
            settings: settings.clone(),
        };
        cluster.asked("no broker answers", |consumer| {
            consumer.fetch_metadata(Some(settings.topic(Topic::Tweets)), PATIENCE)
        })?;
        shared.is_up();
        Ok(cluster)
    }

    /// Asks until there is an answer; refusals and the end of patience are errors.
    fn asked<T>(
        &self,
        what: &str,
        question: impl Fn(&BaseConsumer<Context>) -> Result<T, KafkaError>,
    ) -> io::Result<T> {
        let start = now();
        loop {
            let error = match question(&self.consumer) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // Errors of connections come by the queue that polling serves, behind log lines.
            while self.consumer.poll(Duration::from_millis(10)).is_some() {}
            if let Some(refused) = code(&error).and_then(|code| refusal(code, what)) {
                return Err(refused);
            }
            self.check_connection()?;
            if self.settings.stop.load(Ordering::Relaxed) {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "told to stop"));
            }
            if start.elapsed() > self.wait {
                return Err(self.unreachable(start.elapsed(), &error.to_string()));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// A login or certificate that is refused does not get better by waiting.
    fn check_connection(&self) -> io::Result<()> {
        let Some(complaint) = self.shared.complaint() else { return Ok(()) };
        let untrusted = complaint.code == Code::SSL
            && ["verif", "certificate", "alert"].iter().any(|word| complaint.text.contains(word));
        if untrusted {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "the broker's TLS certificate is not accepted, or ours is not: check \
                     ssl.ca.location, ssl.certificate.location and the broker's name: {}",
                    complaint.text
                ),
            ));
        }
        let refused = refusal(complaint.code, &format!("brokers {}", self.settings.brokers));
        refused.map_or(Ok(()), |error| {
            Err(io::Error::new(error.kind(), format!("{error}: {}", complaint.text)))
        })
    }

    fn unreachable(&self, waited: Duration, error: &str) -> io::Error {
        let why = self.shared.complaint().map_or(error.to_owned(), |it| it.text);
        let brokers = &self.settings.brokers;
        Stopped::Unreachable(format!(
            "brokers {brokers} did not answer for {:.0} s: {why}",
            waited.as_secs_f64()
        ))
        .into()
    }

    /// Called now and then: whether the brokers were away for longer than is waited for.
    pub(crate) fn check_reachable(&self) -> io::Result<()> {
        // Log lines wait in a queue that nobody else serves.
        self.consumer.poll(Duration::ZERO);
        let Some(since) = self.shared.down_since() else { return Ok(()) };
        if since.elapsed() < self.wait {
            return Ok(());
        }
        let tweets = self.settings.topic(Topic::Tweets);
        match self.consumer.fetch_metadata(Some(tweets), PATIENCE) {
            Ok(_) => {
                self.shared.is_up();
                Ok(())
            }
            Err(error) => Err(self.unreachable(since.elapsed(), &error.to_string())),
        }
    }

    /// How many partitions a topic has; `None` where there is no such topic.
    pub(crate) fn partitions(&self, topic: &str) -> io::Result<Option<i32>> {
        let what = format!("topic {topic}");
        let metadata =
            self.asked(&what, |consumer| consumer.fetch_metadata(Some(topic), PATIENCE))?;
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

    /// Partitions of a topic that must be there.
    pub(crate) fn needed(&self, topic: Topic) -> io::Result<i32> {
        let name = self.settings.topic(topic);
        self.partitions(name)?.ok_or_else(|| {
            let command = &self.settings.command;
            failed(format!(
                "topic {name} is missing: create it with `tweetoscope {command} --kafka \
                 --create-topics` or with Kafka's own kafka-topics.sh"
            ))
        })
    }

    /// First offset of a partition, and the one after its last, open transactions included.
    pub(crate) fn ends(&self, topic: &str, partition: i32) -> io::Result<(i64, i64)> {
        self.asked(&format!("topic {topic} partition {partition}"), |consumer| {
            consumer.fetch_watermarks(topic, partition, PATIENCE)
        })
    }

    /// Creates those of `topics` that are missing.
    pub(crate) fn create(&self, topics: &[Topic], creation: &Creation) -> io::Result<()> {
        for topic in topics {
            if self.partitions(self.settings.topic(*topic))?.is_none() {
                self.create_one(*topic, creation)?;
            }
        }
        Ok(())
    }

    fn create_one(&self, topic: Topic, creation: &Creation) -> io::Result<()> {
        let name = self.settings.topic(topic);
        let what = format!("creating topic {name}");
        let compacted = matches!(topic, Topic::Models | Topic::CollectState);
        let partitions = if compacted { 1 } else { creation.partitions };
        let largest = LARGEST_RECORD.to_string();
        let retention = creation.tweets_retention.as_millis().to_string();
        let copies = TopicReplication::Fixed(creation.replication);
        let mut new = NewTopic::new(name, partitions, copies)
            .set("max.message.bytes", &largest)
            .set("compression.type", "lz4");
        if compacted {
            new = new.set("cleanup.policy", "compact");
        }
        if topic == Topic::Tweets {
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
            if start.elapsed() > self.wait {
                return Err(failed(format!("{what}: it does not appear")));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The largest record that a topic takes, where the broker tells.
    pub(crate) fn largest_record(&self, topic: &str) -> io::Result<Option<usize>> {
        let admin = self.admin()?;
        let asked = [ResourceSpecifier::Topic(topic)];
        let answer = block_on(admin.describe_configs(&asked, &AdminOptions::new()));
        let what = format!("topic {topic}");
        let found = answer.map_err(|error| explained(&what, &error))?.pop();
        let Some(Ok(resource)) = found else { return Ok(None) };
        let entry = resource.entries.iter().find(|it| it.name == "max.message.bytes");
        Ok(entry.and_then(|it| it.value.as_ref()).and_then(|value| value.parse().ok()))
    }

    fn admin(&self) -> io::Result<AdminClient<Context>> {
        let context = Context { shared: Arc::clone(&self.shared) };
        self.settings.inquirer().create_with_context(context).map_err(|error| configuration(&error))
    }
}

/// A client that cannot be made: a property that librdkafka does not know or take.
pub(crate) fn configuration(error: &KafkaError) -> io::Error {
    let text = match error {
        // The value may be a secret.
        KafkaError::ClientConfig(_, what, name, _) => format!("property {name}: {}", {
            let end = what.find('"').unwrap_or(what.len());
            what[..end].trim_end()
        }),
        other => other.to_string(),
    };
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Waits for an answer of the admin client, which gives it from a thread of its own.
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
