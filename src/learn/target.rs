//! What the trees of a model predict, and how the values of their leaves become one prediction.

/// What the trees predict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// ln(N/n), from all features.
    #[default]
    LogRatio,
    /// The ω of N = n + ω G1/(1 − n*), from (β, n*, G1): the hybrid of the original system.
    Omega,
}

impl Target {
    /// The smallest number of different rows in a leaf of a tree.
    pub(super) const fn min_leaf_rows(self) -> usize {
        match self {
            Self::LogRatio => 5,
            // A cascade has one row, which is drawn three times or more.
            Self::Omega => 2,
        }
    }
}

/// How the training values of a leaf become one prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// The median weighted by 1/N: it minimises the mean of |prediction − N|/N.
    #[default]
    RelativeMedian,
    /// The median: it minimises the mean absolute error of the logarithm.
    Median,
    /// The mean, of the logarithm where the target is one: it minimises the squared error.
    Mean,
}
