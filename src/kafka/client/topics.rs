//! The conventional topics (docs/formats.md), their renaming, and the two that only daemons know.

use crate::record::Kind;

/// What a topic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the topic that is called so by default")]
pub enum Topic {
    Tweets,
    CascadeSeries,
    CascadeProperties,
    Samples,
    Models,
    Alerts,
    Stats,
    Logs,
    /// What is too long for the metadata of an offset.
    CollectState,
}

impl Topic {
    /// All, in the order in which they are written.
    pub const ALL: [Self; 9] = [
        Self::Tweets,
        Self::CascadeSeries,
        Self::CascadeProperties,
        Self::Samples,
        Self::Models,
        Self::Alerts,
        Self::Stats,
        Self::Logs,
        Self::CollectState,
    ];

    /// Its name unless another is given.
    pub fn default_name(self) -> &'static str {
        match self {
            Self::Tweets => "tweets",
            Self::CascadeSeries => "cascade_series",
            Self::CascadeProperties => "cascade_properties",
            Self::Samples => "samples",
            Self::Models => "models",
            Self::Alerts => "alerts",
            Self::Stats => "stats",
            Self::Logs => "logs",
            Self::CollectState => "collect_state",
        }
    }

    /// The topic of a kind of records; reports have none.
    pub fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Tweet | Kind::Retweet | Kind::Watermark => Self::Tweets,
            Kind::Serie => Self::CascadeSeries,
            Kind::Size | Kind::Parameters => Self::CascadeProperties,
            Kind::Sample => Self::Samples,
            Kind::Model => Self::Models,
            Kind::Alert => Self::Alerts,
            Kind::Stat => Self::Stats,
            Kind::Log => Self::Logs,
            _ => return None,
        })
    }

    /// The topic that is called so by default, or that carries the kind of that name.
    fn named(text: &str) -> Option<Self> {
        let by_name = Self::ALL.into_iter().find(|topic| topic.default_name() == text);
        by_name.or_else(|| Kind::named(text).and_then(Self::of))
    }
}

/// The topic that a daemon reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InputTopic {
    pub(crate) name: String,
    /// Number of partitions.
    pub(crate) partitions: i32,
}

/// The names of the topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    names: [String; Topic::ALL.len()],
}

impl Default for Names {
    fn default() -> Self {
        Self { names: Topic::ALL.map(|topic| topic.default_name().to_owned()) }
    }
}

impl Names {
    /// The name of a topic.
    pub fn of(&self, topic: Topic) -> &str {
        &self.names[topic as usize]
    }

    /// Renames one, as `KIND=NAME` says: KIND is a record's kind or the name by default.
    pub fn rename(&mut self, text: &str) -> Result<(), String> {
        let known = || Topic::ALL.map(Topic::default_name).join(", ");
        let Some((kind, name)) = text.split_once('=') else {
            return Err(format!("a topic is renamed by KIND=NAME, not by {text:?}"));
        };
        let Some(topic) = Topic::named(kind.trim()) else {
            return Err(format!("{kind:?} is no kind of topic: there are {}", known()));
        };
        let name = name.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > 249 || !name.chars().all(legal) {
            return Err(format!("{name:?} cannot name a topic: use letters, digits, . _ and -"));
        }
        self.names[topic as usize] = name.to_owned();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_renamed_by_its_name_or_by_a_kind_that_it_carries() {
        let mut names = Names::default();
        names.rename("tweet=a").unwrap();
        names.rename("cascade_properties = b").unwrap();
        assert_eq!((names.of(Topic::Tweets), names.of(Topic::CascadeProperties)), ("a", "b"));
        for wrong in ["tweets", "report=a", "nothing=a", "tweets=", "tweets=a b"] {
            assert!(names.rename(wrong).is_err(), "{wrong}");
        }
        for (index, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!(topic as usize, index);
        }
    }
}
