# Figures of R's mclust that tests/mixture/test_reference.py compares with.
#
#   python scripts/reference/scan_sample.py DATA_FOLDER values.csv
#   Rscript scripts/reference/mclust.R values.csv tests/reference
#
# Run with R 4 and mclust 6.0.0 (Debian r-cran-mclust).

suppressMessages(library(mclust))
arguments <- commandArgs(trailingOnly = TRUE)
scan_values <- scan(arguments[1], quiet = TRUE)
out <- function(name) file.path(arguments[2], name)
save <- function(table, name) write.csv(table, out(name), row.names = FALSE, quote = FALSE)
models <- mclust.options("emModelNames")
tight <- emControl(tol = c(1e-10, 1e-10), itmax = c(10000, 10000))
mclust.options(warn = FALSE)

# The tables.
save(faithful, "faithful.csv")
save(iris, "iris.csv")

# Partitions that both sides start from, and the fits that they lead to.
fits <- data.frame()
priors <- data.frame()
partitions <- list()

add <- function(table, dataset, model, K, fit)
  rbind(table, data.frame(dataset = dataset, model = model, n_components = K,
                          log_likelihood = sprintf("%.12g", fit$loglik),
                          bic = sprintf("%.12g", bic(model, fit$loglik, fit$n, fit$d, K))))

for (dataset in c("faithful", "iris")) {
  data <- if (dataset == "faithful") as.matrix(faithful) else as.matrix(iris[, 1:4])
  tree <- hc(data, modelName = "VVV", use = "SVD")
  for (K in 1:5) {
    labels <- as.vector(hclass(tree, K))
    partitions[[paste(dataset, K, sep = "_")]] <- labels
    for (model in models) {
      fit <- me(data, model, z = unmap(labels, groups = 1:K), control = tight)
      if (is.finite(fit$loglik)) fits <- add(fits, dataset, model, K, fit)
    }
    for (model in c("EII", "VII", "EEI", "VVI", "EEE", "VVV")) {
      fit <- me(data, model, z = unmap(labels, groups = 1:K), prior = priorControl(), control = tight)
      if (is.finite(fit$loglik)) priors <- add(priors, dataset, model, K, fit)
    }
  }
}

# One dimension: cut at quantiles, which are kept instead of the values.
breaks <- data.frame()
for (dataset in c("eruptions", "ibsr01")) {
  data <- if (dataset == "eruptions") faithful$eruptions else scan_values
  for (K in 1:5) {
    cuts <- if (K == 1) numeric(0) else as.vector(quantile(data, seq_len(K - 1) / K))
    labels <- findInterval(data, cuts) + 1
    if (K > 1) breaks <- rbind(breaks, data.frame(dataset, n_components = K, cut = sprintf("%.17g", cuts)))
    for (model in c("E", "V")) {
      fit <- me(data, model, z = unmap(labels, groups = 1:K), control = tight)
      if (is.finite(fit$loglik)) fits <- add(fits, dataset, model, K, fit)
      fit <- me(data, model, z = unmap(labels, groups = 1:K), prior = priorControl(), control = tight)
      if (is.finite(fit$loglik)) priors <- add(priors, dataset, model, K, fit)
    }
  }
}
save(fits, "mclust_fits.csv")
save(priors, "mclust_priors.csv")
save(breaks, "mclust_breaks.csv")
save(as.data.frame(partitions[grep("faithful", names(partitions))]), "mclust_faithful_partitions.csv")
save(as.data.frame(partitions[grep("iris", names(partitions))]), "mclust_iris_partitions.csv")

# What mclust chooses when left alone.
winner <- function(dataset, data, G = 1:9) {
  fit <- Mclust(data, G = G, verbose = FALSE)
  data.frame(dataset, model = fit$modelName, n_components = fit$G, bic = sprintf("%.12g", fit$bic))
}
save(rbind(winner("faithful", faithful), winner("iris", iris[, 1:4]),
           winner("eruptions", faithful$eruptions), winner("ibsr01", scan_values)), "mclust_winners.csv")

# Merge trees, on data without ties.
set.seed(7)
points <- rbind(matrix(rnorm(180), 60) %*% diag(c(1, 2, .5)),
                matrix(rnorm(120, 4), 40),
                matrix(rnorm(150, -3, .6), 50))
points <- scale(points) * sqrt(nrow(points) / (nrow(points) - 1))
points <- apply(points, 2, function(column) as.numeric(sprintf("%.10f", column)))
colnames(points) <- c("x", "y", "z")
save(points, "hc_points.csv")
cuts <- list()
for (model in c("E", "V"))
  cuts[[model]] <- hclass(hc(points[, 1], modelName = model), 2:8)
for (model in c("EII", "VII", "EEE", "VVV"))
  cuts[[model]] <- hclass(hc(points, modelName = model, use = "VARS"), 2:8)
table <- do.call(cbind, cuts)
colnames(table) <- paste(rep(names(cuts), each = 7), 2:8, sep = "_")
save(table, "hc_partitions.csv")

# The common axes of EVE and VVE after one M-step: sum of n log|covariance|, which the M-step minimises.
steps <- data.frame()
for (dataset in c("faithful", "iris")) {
  data <- if (dataset == "faithful") as.matrix(faithful) else as.matrix(iris[, 1:4])
  for (K in 2:5) for (model in c("EVE", "VVE")) {
    z <- unmap(partitions[[paste(dataset, K, sep = "_")]], groups = 1:K)
    sigma <- mstep(data, model, z, control = tight)$parameters$variance$sigma
    if (all(is.finite(sigma))) {
      deviance <- sum(colSums(z) * apply(sigma, 3, function(s) determinant(s)$modulus))
      steps <- rbind(steps, data.frame(dataset, model, n_components = K, deviance = sprintf("%.12g", deviance)))
    }
  }
}
save(steps, "mclust_common_axes.csv")
