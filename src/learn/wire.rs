//! A model as one JSON object on one line: the form of a model file and of a model record.
//!
//! The checksum is verified before the body is unpacked, and nothing in a line is executed.

use std::fmt;
use std::io::{Read, Write};
use std::marker::PhantomData;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::activity::{self, Activity};
use super::body::{decode, encode};
use super::error::{FORMAT, FORMAT_WITHOUT_ACTIVITY, ModelError};
use super::fitted_law::FittedLaw;
use super::forecast::{Calibration, Step};
use super::grow::MAX_TREE_ROWS;
use super::growth_law::GrowthLaw;
use super::model::{HeldOut, Model};
use super::table::ROWS_PER_DRAW;
use super::target::{Aggregate, Target};
use super::train_networks::max_network_bytes;
use super::trees::MAX_CODES;
use super::vector::UNKNOWNS;

/// Largest number of trees of a model.
pub const MAX_TREES: usize = 2_000;
/// Largest number of bytes of a model's line, above that of [`MAX_TREES`] trees.
pub const MAX_LINE_BYTES: usize = 64 << 20;
const MAX_BODY_BYTES: usize = 64 << 20;
const MAX_FEATURES: usize = 4096;
const MAX_LEVELS: usize = 100;
/// Largest number of codes in the leaves of all trees: an answer may hold all of them.
const MAX_LEAF_CODES: usize = MAX_TREES * MAX_TREE_ROWS;

/// The version of the format.
#[derive(Deserialize)]
struct Header {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct Line {
    r#type: String,
    format: u32,
    model: String,
    #[serde(rename = "T_obs")]
    t_obs: f64,
    step: String,
    target: String,
    aggregate: String,
    samples: usize,
    t_first: f64,
    t_last: f64,
    seed: u64,
    held_out: [f64; 4],
    #[serde(deserialize_with = "at_most::<_, _, MAX_LEVELS>")]
    calibration: Vec<(f64, f64)>,
    law: LawLine,
    share: f64,
    #[serde(deserialize_with = "at_most::<_, _, MAX_FEATURES>")]
    features: Vec<String>,
    #[serde(deserialize_with = "at_most::<_, _, MAX_FEATURES>")]
    medians: Vec<f32>,
    /// From format 5 on.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "at_most::<_, _, MAX_LEVELS>"
    )]
    activity: Vec<f64>,
    checksum: String,
    body: String,
}

/// The law of the finished cascades of all windows.
#[derive(Serialize, Deserialize)]
struct LawLine {
    constants: [f64; 6],
    cascades: usize,
    shift: f64,
    #[serde(deserialize_with = "at_most::<_, _, MAX_LEVELS>")]
    weights: Vec<f64>,
    #[serde(deserialize_with = "at_most::<_, _, MAX_LEVELS>")]
    calibration: Vec<(f64, f64)>,
}

/// Reads a list of at most `MAX` elements: a line of many empty ones would need more memory than it
/// has bytes.
fn at_most<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MAX: usize>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    struct List<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            write!(f, "a list of at most {MAX} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(element) = from.next_element()? {
                if all.len() == MAX {
                    return Err(A::Error::invalid_length(MAX + 1, &self));
                }
                all.push(element);
            }
            Ok(all)
        }
    }

    from.deserialize_seq(List::<T, MAX>(PhantomData))
}

impl Model {
    /// The model as one line, without a newline.
    pub fn to_line(&self) -> String {
        let HeldOut { mean_are, median_are, law, forest } = self.held_out;
        let body = encode(&self.trees, &self.networks);
        let mut line = Line {
            r#type: "model".into(),
            format: if self.activity.is_some() { FORMAT } else { FORMAT_WITHOUT_ACTIVITY },
            model: self.version.to_string(),
            t_obs: self.window,
            step: self.step.name().into(),
            target: name(&TARGETS, self.target).into(),
            aggregate: name(&AGGREGATES, self.aggregate).into(),
            samples: self.samples,
            t_first: self.times.0,
            t_last: self.times.1,
            seed: self.seed,
            held_out: [mean_are, median_are, law, forest],
            calibration: self.calibration.0.clone(),
            law: law_line(&self.law),
            share: self.share,
            features: self.names.clone(),
            medians: self.medians.clone(),
            activity: self.activity.iter().flat_map(|it| it.0).collect(),
            checksum: String::new(),
            body: BASE64.encode(deflate(&body)),
        };
        line.checksum = checksum(&line);
        serde_json::to_string(&line).expect("a struct of strings and numbers is JSON")
    }

    /// Reads a line that `to_line` wrote.
    pub fn from_line(line: &str) -> Result<Self, ModelError> {
        if line.len() > MAX_LINE_BYTES {
            return Err(ModelError::TooLong(line.len()));
        }
        // Before the other fields, which differ between formats.
        if let Ok(Header { format }) = serde_json::from_str(line)
            && ![FORMAT_WITHOUT_ACTIVITY, FORMAT].contains(&format)
        {
            return Err(ModelError::Format(format));
        }
        let mut line: Line =
            serde_json::from_str(line).map_err(|e| ModelError::Json(e.to_string()))?;
        let claimed = std::mem::take(&mut line.checksum);
        if line.r#type != "model" || claimed != checksum(&line) {
            return Err(ModelError::Checksum);
        }
        let body = BASE64.decode(&line.body).map_err(|_| ModelError::Field("body"))?;
        let activity = activity(&line)?;
        let (trees, networks) = decode(&inflate(&body)?, line.features.len(), MAX_LEAF_CODES)?;
        let model = Self {
            version: line.model.parse().map_err(|_| ModelError::Field("model"))?,
            window: line.t_obs,
            names: line.features,
            medians: line.medians,
            activity,
            target: value(&TARGETS, &line.target).ok_or(ModelError::Field("target"))?,
            aggregate: value(&AGGREGATES, &line.aggregate).ok_or(ModelError::Field("aggregate"))?,
            step: value(&STEPS, &line.step).ok_or(ModelError::Field("step"))?,
            samples: line.samples,
            times: (line.t_first, line.t_last),
            seed: line.seed,
            held_out: held_out(line.held_out),
            calibration: Calibration(line.calibration),
            law: fitted_law(line.law),
            share: line.share,
            trees,
            networks,
        };
        check(&model)?;
        Ok(model)
    }
}

const STEPS: [(&str, Step); 3] = [
    (Step::GrowthLaw.name(), Step::GrowthLaw),
    (Step::MapLaw.name(), Step::MapLaw),
    (Step::Forest.name(), Step::Forest),
];
const TARGETS: [(&str, Target); 2] = [("log-ratio", Target::LogRatio), ("omega", Target::Omega)];
const AGGREGATES: [(&str, Aggregate); 3] = [
    ("relative-median", Aggregate::RelativeMedian),
    ("median", Aggregate::Median),
    ("mean", Aggregate::Mean),
];

fn name<T: Copy + PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, named)| *named == value).map_or("", |(name, _)| name)
}

fn value<T: Copy>(names: &[(&'static str, T)], text: &str) -> Option<T> {
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

/// The largest number of bytes that the line of a model of this many trees has; a message limit of Kafka must
/// be at least this.
///
/// A tree of L leaves has 2L − 1 nodes of two bytes, thresholds and lengths of four, and a code of
/// two for each row; the codebook, the networks and the header are stored once. Compression is counted
/// as none, and base 64 adds a third.
pub fn max_model_bytes(trees: usize) -> usize {
    const LEAVES: usize = {
        let ratio = MAX_TREE_ROWS / Target::LogRatio.min_leaf_rows();
        let omega = MAX_TREE_ROWS / ROWS_PER_DRAW / Target::Omega.min_leaf_rows();
        if ratio > omega { ratio } else { omega }
    };
    const TREE: usize = 2 * (2 * LEAVES - 1) + 4 * (LEAVES - 1) + 4 * LEAVES + 2 * MAX_TREE_ROWS;
    const HEADER: usize = 64 << 10;
    const FEATURES: usize = 128;
    const ONCE: usize = 4 * MAX_CODES + HEADER + max_network_bytes(FEATURES);
    (trees * TREE + ONCE) / 3 * 4
}

/// The profile of format 5, whose inputs are the last ones of the model.
fn activity(line: &Line) -> Result<Option<Activity>, ModelError> {
    const MAX: f64 = 1000.0;
    if line.format == FORMAT_WITHOUT_ACTIVITY && line.activity.is_empty() {
        return Ok(None);
    }
    let invalid = ModelError::Field("activity");
    let parts = line.activity.clone().try_into().map_err(|_| invalid.clone())?;
    let activity = Activity(parts);
    let is_valid = line.format == FORMAT
        && activity.0.iter().all(|part| (activity::MIN_PART..=MAX).contains(part))
        && line.features.len() >= activity::NAMES.len()
        && line.features[line.features.len() - activity::NAMES.len()..] == activity::NAMES;
    if is_valid { Ok(Some(activity)) } else { Err(invalid) }
}

fn held_out([mean_are, median_are, law, forest]: [f64; 4]) -> HeldOut {
    HeldOut { mean_are, median_are, law, forest }
}

fn law_line(law: &FittedLaw) -> LawLine {
    LawLine {
        constants: law.law.constants,
        cascades: law.cascades,
        shift: law.shift,
        weights: law.weights.clone(),
        calibration: law.calibration.0.clone(),
    }
}

fn fitted_law(line: LawLine) -> FittedLaw {
    let LawLine { constants, cascades, shift, weights, calibration } = line;
    let (law, calibration) = (GrowthLaw { constants }, Calibration(calibration));
    FittedLaw { law, cascades, shift, weights, calibration }
}

/// CRC-32 of the line as `to_line` writes it with an empty checksum, so that the order of the fields and
/// unknown fields do not matter.
fn checksum(line: &Line) -> String {
    let mut crc = Crc::new();
    crc.update(&serde_json::to_vec(line).expect("a struct of strings and numbers is JSON"));
    format!("{:08x}", crc.sum())
}

fn check(model: &Model) -> Result<(), ModelError> {
    let require = |holds: bool, field| if holds { Ok(()) } else { Err(ModelError::Field(field)) };
    let ascend = |levels: &[(f64, f64)]| levels.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let levels_ascend = ascend(&model.calibration.0) && ascend(&model.law.calibration.0);
    let weights = model.law.weights.len();
    let features = model.names.len();
    let expected = if model.target == Target::Omega { 3 } else { features };
    let has_content = match model.step {
        Step::Forest => model.trees.count() > 0,
        step => step == model.law.step(),
    };
    require(model.window > 0.0, "T_obs")?;
    require(features <= MAX_FEATURES && expected == features, "features")?;
    require(model.medians.len() == features, "medians")?;
    require(levels_ascend, "calibration")?;
    require(weights == 0 || weights == UNKNOWNS, "law")?;
    require((0.0..=1.0).contains(&model.share), "share")?;
    require(has_content, "body")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(7));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory does not fail to write")
}

/// Unpacks a body, up to its limit.
fn inflate(bytes: &[u8]) -> Result<Vec<u8>, ModelError> {
    let mut out = Vec::new();
    let mut limited = DeflateDecoder::new(bytes).take(MAX_BODY_BYTES as u64 + 1);
    limited.read_to_end(&mut out).map_err(|_| ModelError::Field("body"))?;
    if out.len() > MAX_BODY_BYTES { Err(ModelError::TooLong(out.len())) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_that_is_trained_is_within_the_limits_of_a_model_that_is_read() {
        assert!(max_model_bytes(MAX_TREES) <= MAX_LINE_BYTES);
        assert!(max_model_bytes(MAX_TREES) / 4 * 3 <= MAX_BODY_BYTES);
    }

    #[test]
    fn lists_of_a_line_are_limited() {
        let line = |features: usize| {
            let names = vec!["\"\""; features].join(",");
            let numbers = vec!["0"; features].join(",");
            format!(
                r#"{{"type":"model","format":4,"model":"600-1","T_obs":600,"step":"forest","target":"omega","aggregate":"mean","samples":1,"t_first":0,"t_last":0,"seed":1,"held_out":[0,0,0,0],"calibration":[],"law":{{"constants":[0,0,0,0,0,0],"cascades":1,"shift":0,"weights":[],"calibration":[]}},"share":1,"features":[{names}],"medians":[{numbers}],"checksum":"","body":""}}"#
            )
        };
        assert_eq!(Model::from_line(&line(MAX_FEATURES)).unwrap_err(), ModelError::Checksum);
        let refused = Model::from_line(&line(MAX_FEATURES + 1)).unwrap_err();
        assert!(refused.to_string().contains("at most 4096"), "{refused}");
    }
}
