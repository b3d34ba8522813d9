//! A model as one JSON object on one line: a file and a record of the stream alike.
//!
//! Nothing in a line is ever executed, and nothing is unpacked before its checksum fits.

use std::fmt;
use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use serde::{Deserialize, Serialize};

use super::answer::Calibration;
use super::laws::LogLinear;
use super::model::{HeldOut, Model, Step};
use super::packed::{packed, unpacked};
use super::{Aggregate, Target};

const FORMAT: u32 = 3;
const LONGEST_LINE: usize = 32 << 20;
const LONGEST_BODY: usize = 128 << 20;
const MOST_FEATURES: usize = 4096;

/// Why a line is not a model that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Longer than any model that this program writes.
    TooLong(usize),
    /// Not a JSON object with the fields of a model.
    Json(String),
    /// A format of another version of this program.
    Format(u32),
    /// What came is not what was written.
    Checksum,
    /// A field that cannot be.
    Field(&'static str),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::TooLong(length) => write!(f, "model of {length} bytes is longer than any"),
            Self::Json(error) => write!(f, "not a model: {error}"),
            Self::Format(format) => write!(f, "model format {format} is not {FORMAT}"),
            Self::Checksum => f.write_str("model does not fit its checksum"),
            Self::Field(field) => write!(f, "model field {field} cannot be"),
        }
    }
}

impl std::error::Error for Refused {}

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
    held_out: [f64; 5],
    calibration: Vec<(f64, f64)>,
    law: [f64; 2],
    features: Vec<String>,
    medians: Vec<f32>,
    checksum: String,
    body: String,
}

impl Model {
    /// The model as one line, without a newline.
    pub fn to_line(&self) -> String {
        let HeldOut { mean_are, median_are, median_ratio, log_linear, forest } = self.held_out;
        let body = packed(&self.residuals, &self.trees, &self.networks);
        let mut line = Line {
            r#type: "model".into(),
            format: FORMAT,
            model: self.version.to_string(),
            t_obs: self.window,
            step: self.step.name().into(),
            target: name(&TARGETS, self.target).into(),
            aggregate: name(&AGGREGATES, self.aggregate).into(),
            samples: self.samples,
            t_first: self.times.0,
            t_last: self.times.1,
            seed: self.seed,
            held_out: [mean_are, median_are, median_ratio, log_linear, forest],
            calibration: self.calibration.0.clone(),
            law: [self.law.intercept, self.law.slope],
            features: self.names.clone(),
            medians: self.medians.clone(),
            checksum: String::new(),
            body: BASE64.encode(deflated(&body)),
        };
        line.checksum = checksum(&line);
        serde_json::to_string(&line).expect("a struct of strings and numbers is JSON")
    }

    /// Reads what `to_line` wrote.
    pub fn from_line(line: &str) -> Result<Self, Refused> {
        if line.len() > LONGEST_LINE {
            return Err(Refused::TooLong(line.len()));
        }
        let mut line: Line =
            serde_json::from_str(line).map_err(|e| Refused::Json(e.to_string()))?;
        if line.format != FORMAT {
            return Err(Refused::Format(line.format));
        }
        let claimed = std::mem::take(&mut line.checksum);
        if line.r#type != "model" || claimed != checksum(&line) {
            return Err(Refused::Checksum);
        }
        let body = BASE64.decode(&line.body).map_err(|_| Refused::Field("body"))?;
        let (residuals, trees, networks) = unpacked(&inflated(&body)?, line.features.len())?;
        let model = Self {
            version: line.model.parse().map_err(|_| Refused::Field("model"))?,
            window: line.t_obs,
            names: line.features,
            medians: line.medians,
            target: value(&TARGETS, &line.target).ok_or(Refused::Field("target"))?,
            aggregate: value(&AGGREGATES, &line.aggregate).ok_or(Refused::Field("aggregate"))?,
            step: value(&STEPS, &line.step).ok_or(Refused::Field("step"))?,
            samples: line.samples,
            times: (line.t_first, line.t_last),
            seed: line.seed,
            held_out: held_out(line.held_out),
            calibration: Calibration(line.calibration),
            law: LogLinear { intercept: line.law[0], slope: line.law[1] },
            residuals,
            trees,
            networks,
        };
        check(&model)?;
        Ok(model)
    }
}

const STEPS: [(&str, Step); 3] = [
    (Step::MedianRatio.name(), Step::MedianRatio),
    (Step::LogLinear.name(), Step::LogLinear),
    (Step::Forest.name(), Step::Forest),
];
const TARGETS: [(&str, Target); 2] = [("log-ratio", Target::LogRatio), ("omega", Target::Omega)];
const AGGREGATES: [(&str, Aggregate); 3] = [
    ("relative-median", Aggregate::RelativeMedian),
    ("median", Aggregate::Median),
    ("mean", Aggregate::Mean),
];

fn name<T: Copy + PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| name)
}

fn value<T: Copy>(names: &[(&'static str, T)], wanted: &str) -> Option<T> {
    names.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value)
}

fn held_out([mean_are, median_are, median_ratio, log_linear, forest]: [f64; 5]) -> HeldOut {
    HeldOut { mean_are, median_are, median_ratio, log_linear, forest }
}

/// CRC-32 of the line as we would write it with an empty checksum: neither the order of the fields
/// nor unknown ones matter.
fn checksum(line: &Line) -> String {
    let mut crc = Crc::new();
    crc.update(&serde_json::to_vec(line).expect("a struct of strings and numbers is JSON"));
    format!("{:08x}", crc.sum())
}

fn check(model: &Model) -> Result<(), Refused> {
    let require = |holds: bool, field| if holds { Ok(()) } else { Err(Refused::Field(field)) };
    let levels_ascend = model.calibration.0.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let features = model.names.len();
    let expected = if model.target == Target::Omega { 3 } else { features };
    let answers = match model.step {
        Step::Forest => model.trees.count() > 0,
        _ => !model.residuals.is_empty(),
    };
    require(model.window > 0.0, "T_obs")?;
    require(features <= MOST_FEATURES && expected == features, "features")?;
    require(model.medians.len() == features, "medians")?;
    require(levels_ascend, "calibration")?;
    require(answers, "body")
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(7));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory does not fail to write")
}

fn inflated(bytes: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::new();
    let mut limited = DeflateDecoder::new(bytes).take(LONGEST_BODY as u64 + 1);
    limited.read_to_end(&mut out).map_err(|_| Refused::Field("body"))?;
    if out.len() > LONGEST_BODY { Err(Refused::TooLong(out.len())) } else { Ok(out) }
}
