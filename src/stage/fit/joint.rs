//! One set of kernel parameters for all cascades of the input, at its end.

use std::borrow::Cow;

use super::{FitOptions, Job, kernels};
use crate::cascade::Point;
use crate::hawkes::kernels::Observed;
use crate::parallel::in_parallel;
use crate::record::Parameters;

impl FitOptions {
    /// Fits cascades that share the parameters of the kernel.
    pub(super) fn joint<'a>(
        &self,
        held: &'a [Job<'static>],
    ) -> Vec<(Parameters, u32, &'a Job<'static>)> {
        let Some(kernels) = self.kernels.as_ref().filter(|_| !held.is_empty()) else {
            return Vec::new();
        };
        let jobs: Vec<&Job<'_>> = held.iter().collect();
        let resolved: Vec<_> =
            held.iter().map(|job| kernels::resolved(&job.points, job.watched)).collect();
        let cascades: Vec<Observed> =
            resolved.iter().map(|(points, end, _)| Observed::new(points, *end)).collect();
        let (model, fitted, candidates) = kernels.fit(&cascades, &self.marks, self.threads);
        let errors = kernels::errors(&fitted, &cascades, self.threads);
        let points: Vec<&[Point]> = resolved.iter().map(|(points, ..)| &points[..]).collect();
        let too_few = kernels::is_too_few(&points);
        let described = in_parallel(&resolved, self.threads, |(points, end, spread)| {
            let mut kernel =
                kernels.describe(&model, &fitted, (points, *end), &self.marks, too_few);
            kernel.spread = *spread;
            kernel.standard_errors.clone_from(&errors);
            if candidates.len() > 1 {
                kernel.candidates.clone_from(&candidates);
            }
            kernel
        });
        let all = self.all_parameters(&jobs).into_iter().zip(described).zip(held);
        all.map(|(((mut parameters, iterations), kernel), job)| {
            parameters.kernel_fit = Some(Box::new(kernel));
            (parameters, iterations, job)
        })
        .collect()
    }
}

impl Job<'_> {
    /// The same without borrowing from the input.
    pub(super) fn into_owned(self) -> Job<'static> {
        let Self { serie, points, watched, zero_marks } = self;
        Job { serie: Cow::Owned(serie.into_owned()), points, watched, zero_marks }
    }
}
