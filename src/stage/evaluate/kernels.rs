//! Kernels of `fit --kernel` as methods of prediction.

use std::str::FromStr;

use crate::hawkes::kernels::{Family, Population};
use crate::stage::fit::KernelOptions;

/// A kernel that predicts by the expected final size of its fit to each cascade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelMethod {
    family: Family,
    /// Whether the population is finite (HawkesN) and fitted.
    is_finite: bool,
}

/// The methods by name: that of the kernel, with `-n` in a finite population.
const METHODS: [(&str, KernelMethod); 7] = [
    ("exp", KernelMethod { family: Family::Exponential, is_finite: false }),
    ("exp-n", KernelMethod { family: Family::Exponential, is_finite: true }),
    ("power-law", KernelMethod { family: Family::PowerLaw, is_finite: false }),
    ("power-law-n", KernelMethod { family: Family::PowerLaw, is_finite: true }),
    ("sum-exp:2", KernelMethod { family: Family::SumExp(2), is_finite: false }),
    ("sum-exp:3", KernelMethod { family: Family::SumExp(3), is_finite: false }),
    ("seismic-kernel", KernelMethod { family: Family::Seismic, is_finite: false }),
];

impl KernelMethod {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        METHODS.iter().find(|(_, method)| *method == self).map_or("kernel", |(name, _)| name)
    }

    /// How it is fitted.
    pub(super) fn options(self) -> KernelOptions {
        let population = if self.is_finite { Population::Free } else { Population::Infinite };
        KernelOptions::plain(self.family, population)
    }
}

impl FromStr for KernelMethod {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = METHODS.iter().find(|(it, _)| *it == name);
        found.map(|(_, method)| *method).ok_or_else(|| {
            format!("{name:?} is none of {}", METHODS.map(|(name, _)| name).join(", "))
        })
    }
}
