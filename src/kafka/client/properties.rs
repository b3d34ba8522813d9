//! Properties of librdkafka: their sources, those that a user cannot set, and their display without
//! secrets.

use std::fs;
use std::io;
use std::path::Path;

/// Properties by name; the last one of a name takes precedence.
pub type Properties = Vec<(String, String)>;

/// Properties on which the guarantees depend, and the alternatives (docs/kafka.md).
const OWNED: [(&str, &str); 22] = [
    ("acks", "it is always all"),
    ("request.required.acks", "it is always all"),
    ("auto.commit.enable", "positions commit with the output"),
    ("auto.commit.interval.ms", "use --tick"),
    ("auto.offset.reset", "use --from"),
    ("bootstrap.servers", "use --brokers"),
    ("metadata.broker.list", "use --brokers"),
    ("enable.auto.commit", "positions commit with the output; see --at-least-once"),
    ("enable.auto.offset.store", "positions commit with the output; see --at-least-once"),
    ("enable.gapless.guarantee", "it is not needed"),
    ("enable.idempotence", "it is always on"),
    ("enable.partition.eof", "use --exit-eof"),
    ("group.id", "use --group"),
    ("isolation.level", "it is always read_committed"),
    ("max.in.flight", "it follows from idempotence"),
    ("max.in.flight.requests.per.connection", "it follows from idempotence"),
    ("message.send.max.retries", "it follows from idempotence"),
    ("partitioner", "it is always murmur2_random, as in the Java client"),
    ("retries", "it follows from idempotence"),
    ("statistics.interval.ms", "the metrics need it"),
    ("transaction.timeout.ms", "it is always 10 s, which bounds the delay after a crash"),
    ("transactional.id", "use --transactional-id"),
];

/// Parses `NAME=VALUE`. The error, which follows the name of what was read, does not contain the text.
pub fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be NAME=VALUE (the text is not printed, it may be a secret)".to_owned()),
    }
}

/// An error if a user cannot set the property.
pub fn check_settable(name: &str) -> Result<(), String> {
    match OWNED.iter().find(|(owned, _)| *owned == name) {
        Some((_, instead)) => Err(format!("{name} cannot be set: {instead}")),
        None => Ok(()),
    }
}

/// Reads the properties of a file, one on each line, and its brokers, if it contains them. Empty lines
/// and lines that start with # are ignored.
pub fn from_file(path: &Path) -> io::Result<(Properties, Option<String>)> {
    let place = |line: usize, text: &str| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{}:{line}: {text}", path.display()))
    };
    let content = fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let (mut properties, mut brokers) = (Vec::new(), None);
    for (index, line) in content.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) =
            property(line).map_err(|why| place(index + 1, &format!("a line {why}")))?;
        if matches!(&*name, "bootstrap.servers" | "metadata.broker.list") {
            brokers = Some(value);
            continue;
        }
        check_settable(&name).map_err(|text| place(index + 1, &text))?;
        properties.push((name, value));
    }
    Ok((properties, brokers))
}

/// Whether the value of a property must not be displayed.
fn is_secret(name: &str) -> bool {
    let words = ["password", "secret", "token", "jaas", "private", "credential", ".pem"];
    let name = name.to_lowercase();
    name == "sasl.oauthbearer.config" || words.iter().any(|word| name.contains(word))
}

/// The properties for messages: the values of secrets are masked.
pub(crate) fn masked(properties: &[(String, String)]) -> String {
    let one = |(name, value): &(String, String)| {
        if is_secret(name) { format!("{name}=***") } else { format!("{name}={value}") }
    };
    properties.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_on_which_guarantees_depend_are_refused_by_name() {
        for name in ["enable.auto.commit", "isolation.level", "transactional.id", "acks"] {
            assert!(check_settable(name).unwrap_err().starts_with(name), "{name}");
        }
        assert!(
            check_settable("enable.idempotence").is_err()
                && check_settable("auto.offset.reset").is_err()
        );
        assert_eq!(check_settable("session.timeout.ms"), Ok(()));
        assert!(check_settable("group.id").unwrap_err().contains("--group"));
    }

    #[test]
    fn a_property_without_a_name_or_a_value_is_refused_without_its_text() {
        assert_eq!(property(" a.b = c=d "), Ok(("a.b".to_owned(), "c=d".to_owned())));
        for text in ["hunter2", "=hunter2", " = hunter2"] {
            let error = property(text).unwrap_err();
            assert!(error.contains("NAME=VALUE") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn secrets_are_masked() {
        for name in [
            "sasl.password",
            "ssl.key.password",
            "ssl.keystore.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
        ] {
            let text = masked(&[(name.to_owned(), "hunter2".to_owned())]);
            assert_eq!(text, format!("{name}=***"));
        }
        let open = [("ssl.ca.location".to_owned(), "/ca".to_owned())];
        assert_eq!(masked(&open), "ssl.ca.location=/ca");
    }

    #[test]
    fn the_error_for_an_invalid_property_does_not_contain_it() {
        assert!(property("sasl.password hunter2").is_err_and(|text| !text.contains("hunter2")));
        assert_eq!(property(" a = b=c "), Ok(("a".to_owned(), "b=c".to_owned())));
    }
}
