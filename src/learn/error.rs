//! Why a line is rejected as a model.

use std::fmt;

/// The format version of a model with an activity profile.
pub(super) const FORMAT: u32 = 5;
/// That of a model without one, which is the same but for that field.
pub(super) const FORMAT_WITHOUT_ACTIVITY: u32 = 4;

/// Why a line is rejected as a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// Number of bytes, above the limit of a line or of its unpacked body.
    TooLong(usize),
    /// Number of codes in leaves, above the limit of a model.
    TooManyCodes(usize),
    /// Not a JSON object with the fields of a model.
    Json(String),
    /// The format version of another version of this program.
    Format(u32),
    /// The line was altered after it was written.
    Checksum,
    /// The field whose value is not valid.
    Field(&'static str),
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::TooLong(length) => {
                write!(f, "model of {length} bytes is above the limit of a model")
            }
            Self::TooManyCodes(codes) => {
                write!(f, "model with {codes} values in its leaves is above the limit of a model")
            }
            Self::Json(error) => write!(f, "not a model: {error}"),
            Self::Format(format) => {
                write!(
                    f,
                    "model format {format}: this program reads formats {FORMAT_WITHOUT_ACTIVITY} \
                     and {FORMAT}; train the model again from its samples"
                )
            }
            Self::Checksum => {
                f.write_str("the checksum of the model does not match: the line was altered")
            }
            Self::Field(field) => write!(f, "model field {field} has a value that is not valid"),
        }
    }
}

impl std::error::Error for ModelError {}
