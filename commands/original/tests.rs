//! The settings of the original system, as they were shipped, wrong and mutated.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::SeedableRng;

use super::*;
use mutation::mutated;

#[path = "../../tests/fuzz/mutation.rs"]
mod mutation;

/// The shipped values (docs/commands/generate.md), in both ways of writing them.
const SHIPPED: &str = "\
# The data
tweets_path              news-data.csv   # time, magnitude, msg
cascades_path            news-index.csv
tweets_index_path = tweets.idx
cascades_index_path = cascades.idx
tweets_cache_page_size 1000
cascades_cache_nb_pages=10

  seconds_per_time_unit=1
time_acceleration_factor = 1000
cascade_random_start_time_range 10
max_number_of_cascades\t5
number_of_threads 5 and what follows is no part of it
kafka_topic tweets
kafka_brokers localhost:9092,other:9092
";

#[test]
fn the_shipped_generator_settings_are_understood() {
    let read = generator(SHIPPED).unwrap();
    let settings = Generator {
        data: Some("news-data.csv".into()),
        index: Some("news-index.csv".into()),
        seconds_per_unit: Some(1.0),
        speed: Some(1000.0),
        start_range: Some(Span(600.0)),
        live: Some(5),
        sources: Some(5),
        topic: Some("tweets".to_owned()),
        brokers: Some("localhost:9092,other:9092".to_owned()),
    };
    assert_eq!(read, Read { settings, warnings: Vec::new() });
    let windows_ends = SHIPPED.replace('\n', "\r\n");
    assert_eq!(generator(&windows_ends).unwrap(), read);
}

#[test]
fn the_collector_settings_are_understood() {
    let text = "\
[kafka]
brokers=localhost:9092
group = tweetoscope
offset_reset=earliest
[topic]
in=tweets
out_series=cascade_series
out_properties=cascade_properties
; windows
[times]
observations=1800,1h
observation=600
observation = 20m # the third
observation = 10m
terminated=1800
[cascade]
min_cascade_size=10
";
    let text_of = |text: &str| Some(text.to_owned());
    let settings = Collector {
        brokers: text_of("localhost:9092"),
        group: text_of("tweetoscope"),
        offset_reset: text_of("earliest"),
        topic_in: text_of("tweets"),
        out_series: text_of("cascade_series"),
        out_properties: text_of("cascade_properties"),
        windows: [600.0, 1200.0, 1800.0, 3600.0].map(Span).to_vec(),
        terminated: Some(Span(1800.0)),
        min_size: Some(10),
    };
    assert_eq!(collector(text).unwrap(), Read { settings, warnings: Vec::new() });
}

#[test]
fn an_empty_file_sets_nothing() {
    assert_eq!(generator(" \n# only this\n").unwrap().settings, Generator::default());
    assert_eq!(collector("\u{feff}[times]\n").unwrap().settings, Collector::default());
}

#[test]
fn an_unknown_keyword_is_a_warning_with_its_line() {
    let read = generator("kafka_topic a\nnumber_of_thread 5\nkafka_topic b").unwrap();
    assert_eq!(read.warnings, ["line 2: unknown keyword \"number_of_thread\", ignored"]);
    assert_eq!(read.settings.topic.as_deref(), Some("b"));
    let read = collector("[topic]\nbrokers=a\n[kafka]\nin=b").unwrap();
    assert_eq!(read.warnings.len(), 2);
    assert_eq!(read.warnings[1], "line 4: unknown keyword \"in\" in [kafka], ignored");
    assert_eq!(read.settings, Collector::default());
}

#[test]
fn a_wrong_value_is_an_error_with_its_line() {
    for (text, error) in [
        ("\nnumber_of_threads", "line 2: number_of_threads has no value"),
        ("number_of_threads # 5", "line 1: number_of_threads has no value"),
        ("number_of_threads 0", "line 1: number_of_threads must be at least 1, not 0"),
        ("number_of_threads -1", "line 1: number_of_threads cannot be \"-1\""),
        ("seconds_per_time_unit 0", "line 1: seconds_per_time_unit must be above 0, not 0"),
        ("time_acceleration_factor fast", "line 1: time_acceleration_factor cannot be \"fast\""),
        (
            "cascade_random_start_time_range 10m",
            "line 1: cascade_random_start_time_range is a number of minutes, not \"10m\"",
        ),
    ] {
        assert_eq!(generator(text).unwrap_err().to_string(), error);
    }
    for (text, error) in [
        ("[times]\nobservation=600,x", "line 2: observation cannot be \"x\""),
        ("[times]\nterminated=0", "line 2: terminated must be above 0, not 0"),
        ("[times", "line 1: a section name without its ]"),
        ("[cascade]\nmin_cascade_size=", "line 2: min_cascade_size has no value"),
    ] {
        assert_eq!(collector(text).unwrap_err().to_string(), error);
    }
}

/// Settings after mutations: an error has its line, a value its range.
#[test]
fn mutated_settings_are_in_range_or_refused_with_their_line() {
    let collector_ini = "[kafka]\nbrokers=a:1\n[times]\nobservation=600,1h\nterminated=1800\n\
                         [cascade]\nmin_cascade_size=10\n";
    let corpus = [SHIPPED.as_bytes().to_vec(), collector_ini.as_bytes().to_vec()];
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let bytes = mutated(&corpus, &mut rng);
        let text = String::from_utf8_lossy(&bytes);
        let errors = [generator(&text).map(|it| it.settings.defaults()), {
            let settings = collector(&text).map(|it| it.settings);
            if let Ok(settings) = &settings {
                assert!(settings.windows.iter().all(|it| it.0.is_finite() && it.0 > 0.0));
                assert!(settings.min_size != Some(0));
            }
            settings.map(|it| it.defaults())
        }];
        for outcome in errors {
            match outcome {
                Ok(_) => read += 1,
                Err(error) => {
                    assert!(error.to_string().starts_with("line "), "{error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(read > 5000 && refused > 5000, "{read} {refused}");
}
