# Figures of mclust's features beyond the fit, for tests/mixture: run in the root of the checkout with mclust
# 6.0.0 installed, `Rscript scripts/reference/mclust_features.R`. Long tables: what, of which fit, index, value.
suppressMessages(library(mclust))
folder <- "tests/reference"
tight <- emControl(tol = c(1e-12, 1e-12), itmax = c(5000, 5000))
species <- iris$Species
iris <- as.matrix(read.csv(file.path(folder, "iris.csv"))[, 1:4])
faithful <- as.matrix(read.csv(file.path(folder, "faithful.csv"))[, 1:2])
table <- data.frame()
note <- function(what, fit, values) {
  values <- as.vector(values)
  table <<- rbind(table, data.frame(what, fit, index = seq_along(values) - 1, value = sprintf("%.12g", values)))
}
parameters <- function(name, fit) {
  note("weights", name, fit$parameters$pro)
  note("means", name, fit$parameters$mean)                    # D fastest
  note("covariances", name, fit$parameters$variance$sigma)
}

# Combining components, and dimension reduction, of mixtures that the table holds whole.
for (name in c("faithful", "iris")) {
  data <- if (name == "faithful") faithful else iris
  fit <- Mclust(data, G = 5, modelNames = "VVI", verbose = FALSE)
  parameters(name, fit)
  combined <- clustCombi(object = fit)
  z <- fit$z
  entropies <- numeric(5)
  for (K in 5:1) {
    z <- t(combined$combiM[[K]] %*% t(z))
    entropies[K] <- -sum(ifelse(z > 0, z * log(z), 0))
  }
  note("entropies", name, entropies)
  note("labels_2", name, combined$classification[[2]])
  note("n_clusters", name, clustCombiOptim(combined)$numClusters.combi)
  for (lambda in c(1, .5)) {
    reduced <- MclustDR(fit, lambda = lambda)
    note(paste0("eigenvalues_", lambda), name, reduced$evalues[seq_len(reduced$numdir)])
    note(paste0("directions_", lambda), name, reduced$basis)
  }
}

# A noise component: the eruptions among uniform points.
set.seed(11)
noisy <- rbind(faithful, cbind(runif(60, 0, 8), runif(60, 20, 120)))
noisy <- apply(noisy, 2, function(column) as.numeric(sprintf("%.6f", column)))
write.csv(noisy, file.path(folder, "noisy.csv"), row.names = FALSE, quote = FALSE)
labels <- c(ifelse(faithful[, 1] < 3, 1, 2), rep(0, 60))
note("volume", "noise", hypvol(noisy))
for (model in c("EII", "VVI", "EEE", "VVV")) {
  fit <- me(noisy, model, z = outer(labels, c(1, 2, 0), "==") + 0, control = tight,
            Vinv = hypvol(noisy, reciprocal = TRUE))
  note("noise_weights", model, fit$parameters$pro)
  note("noise_fit", model, c(fit$loglik, bic(model, fit$loglik, nrow(noisy), 2, 2, noise = TRUE)))
}

# Discriminant analysis of the species of iris.
edda <- MclustDA(iris, species, modelType = "EDDA")
note(paste("edda", edda$models[[1]]$modelName), "iris", c(edda$loglik, edda$bic, edda$df))
for (model in c("EII", "VVI", "EEE", "VVV")) {
  fit <- MclustDA(iris, species, modelType = "EDDA", modelNames = model)
  note("edda_model", model, c(fit$loglik, fit$bic, fit$df))
  note("edda_posterior", model, predict(fit)$z[c(51, 71, 84, 107, 134), 2])
}
mixtures <- MclustDA(iris, species, G = 2, modelNames = "EEE")
note("mclustda", "EEE", c(mixtures$loglik, mixtures$bic, mixtures$df))
note("mclustda_errors", "EEE", sum(predict(mixtures)$classification != species))

# Standard errors by bootstrap, K = 2: random numbers of their own, to be compared within Monte-Carlo error.
set.seed(5)
fit <- Mclust(faithful, G = 2, modelNames = "VVV", verbose = FALSE)
parameters("bootstrap", fit)
for (type in c("bs", "wlbs", "pb")) {
  errors <- summary(MclustBootstrap(fit, nboot = 1999, type = type, verbose = FALSE), what = "se")
  note("weights_se", type, errors$pro)
  note("means_se", type, errors$mean)
  note("covariances_se", type, errors$variance)
}
write.csv(table, file.path(folder, "mclust_features.csv"), row.names = FALSE, quote = FALSE)
