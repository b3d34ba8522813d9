//! librdkafka's own properties: where they come from, which of them the daemon keeps for itself,
//! and how they are shown without their secrets.

use std::fs;
use std::io;
use std::path::Path;

/// Properties by name; a later one of a name wins.
pub type Properties = Vec<(String, String)>;

/// Properties that correctness owns, and what to use instead.
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
    ("partitioner", "it is always murmur2_random, so that keys mean the same everywhere"),
    ("retries", "it follows from idempotence"),
    ("statistics.interval.ms", "the metrics need it"),
    ("transaction.timeout.ms", "it is always 10 s, the longest that a crash delays the others"),
    ("transactional.id", "use --transactional-id"),
];

/// A name and a value as `name=value`; an error says what is wrong, and no secret.
pub fn property(text: &str) -> Result<(String, String), String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("a property is written name=value".to_owned());
    };
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() {
        return Err("a property is written name=value".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Refuses a property that correctness owns.
pub fn free(name: &str) -> Result<(), String> {
    match OWNED.iter().find(|(owned, _)| *owned == name) {
        Some((_, instead)) => Err(format!("{name} is not set by -X: {instead}")),
        None => Ok(()),
    }
}

/// The properties of a file, one a line; empty lines and those that begin with # are passed over.
///
/// Brokers may stand in it: they are the last that is asked for.
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
        let (name, value) = property(line).map_err(|text| place(index + 1, &text))?;
        if matches!(&*name, "bootstrap.servers" | "metadata.broker.list") {
            brokers = Some(value);
            continue;
        }
        free(&name).map_err(|text| place(index + 1, &text))?;
        properties.push((name, value));
    }
    Ok((properties, brokers))
}

/// Whether the value of a property must not be shown.
fn is_secret(name: &str) -> bool {
    let telling = ["password", "secret", "token", "jaas", "private", "credential", ".pem"];
    let name = name.to_lowercase();
    name == "sasl.oauthbearer.config" || telling.iter().any(|word| name.contains(word))
}

/// The properties for people: names, and values that are no secrets.
pub(crate) fn shown(properties: &[(String, String)]) -> String {
    let one = |(name, value): &(String, String)| {
        if is_secret(name) { format!("{name}=***") } else { format!("{name}={value}") }
    };
    properties.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_correctness_owns_is_refused_and_named() {
        for name in ["enable.auto.commit", "isolation.level", "transactional.id", "acks"] {
            assert!(free(name).unwrap_err().starts_with(name), "{name}");
        }
        assert!(free("enable.idempotence").is_err() && free("auto.offset.reset").is_err());
        assert_eq!(free("session.timeout.ms"), Ok(()));
        assert!(free("group.id").unwrap_err().contains("--group"));
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
            let text = shown(&[(name.to_owned(), "hunter2".to_owned())]);
            assert_eq!(text, format!("{name}=***"));
        }
        let open = [("ssl.ca.location".to_owned(), "/ca".to_owned())];
        assert_eq!(shown(&open), "ssl.ca.location=/ca");
    }

    #[test]
    fn a_property_that_is_none_is_refused_without_being_repeated() {
        assert!(property("sasl.password hunter2").is_err_and(|text| !text.contains("hunter2")));
        assert_eq!(property(" a = b=c "), Ok(("a".to_owned(), "b=c".to_owned())));
    }
}
