"""Tables of random draws: which calls draw from the global generator of a library, and which never do."""

from __future__ import annotations

from kfnb.analysis.libraries.effect_tables import word_set

NUMPY, PYTHON, TORCH, TENSORFLOW = "@numpy.random", "@random", "@torch.random", "@tensorflow.random"

#: Calls that seed several generators at once.
SEED_ALL: dict[str, tuple[str, ...]] = {
    "tensorflow.keras.utils.set_random_seed": (PYTHON, NUMPY, TENSORFLOW), "keras.utils.set_random_seed": (PYTHON, NUMPY, TENSORFLOW),
    "pytorch_lightning.seed_everything": (PYTHON, NUMPY, TORCH), "lightning.seed_everything": (PYTHON, NUMPY, TORCH),
    "lightning.pytorch.seed_everything": (PYTHON, NUMPY, TORCH), "lightning_fabric.utilities.seed.seed_everything": (PYTHON, NUMPY, TORCH),
    "transformers.set_seed": (PYTHON, NUMPY, TORCH), "transformers.trainer_utils.set_seed": (PYTHON, NUMPY, TORCH),
    "accelerate.utils.set_seed": (PYTHON, NUMPY, TORCH), "tensorflow.random.set_seed": (TENSORFLOW,), "torch.manual_seed": (TORCH,),
    "torch.random.manual_seed": (TORCH,), "torch.seed": (TORCH,), "torch.set_rng_state": (TORCH,), "torch.random.set_rng_state": (TORCH,),
}  # fmt: skip

#: Libraries whose functions and classes may draw from these generators unless they have a seed.
DRAWING_LIBRARIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(word_set(
        "sklearn scipy imblearn umap hdbscan mlxtend skopt lifelines shap lime eli5 boruta tpot pyod sktime tslearn kmodes yellowbrick "
        "nilearn bayes_opt pyswarms prophet sklearn_extra minisom surprise nolearn gplearn statsforecast dalex econml causalml"), (NUMPY,)),
    **dict.fromkeys(word_set("networkx deap pygad simpy mesa nltk pymoo"), (PYTHON, NUMPY)),
    **dict.fromkeys(word_set("torchvision transformers timm lightning pytorch_lightning fastai skorch ignite torch_geometric diffusers"),
                    (PYTHON, NUMPY, TORCH)),
    **dict.fromkeys(word_set("tensorflow keras"), (PYTHON, NUMPY, TENSORFLOW)),
}  # fmt: skip

#: The parts of these libraries that never draw.
NON_DRAWING_PREFIXES = (
    "sklearn.metrics.", "sklearn.datasets.load_", "sklearn.datasets.fetch_", "sklearn.preprocessing.", "sklearn.neighbors.",
    "sklearn.naive_bayes.", "sklearn.impute.SimpleImputer", "sklearn.impute.KNNImputer", "sklearn.impute.MissingIndicator",
    "sklearn.feature_extraction.", "sklearn.linear_model.LinearRegression", "sklearn.linear_model.Ridge",
    "sklearn.linear_model.Lasso", "sklearn.linear_model.ElasticNet", "sklearn.linear_model.BayesianRidge", "sklearn.linear_model.ARD",
    "sklearn.linear_model.Huber", "sklearn.linear_model.Quantile", "sklearn.linear_model.Poisson", "sklearn.linear_model.Gamma",
    "sklearn.linear_model.Tweedie", "sklearn.base.", "sklearn.utils.check", "sklearn.utils.validation.", "sklearn.utils.estimator",
    "sklearn.utils.class_weight.", "sklearn.utils.multiclass.", "sklearn.inspection.plot", "sklearn.inspection.DecisionBoundary",
    "sklearn.set_config", "sklearn.tree.plot_tree", "sklearn.tree.export", "sklearn.discriminant_analysis.", "sklearn.cluster.DBSCAN",
    "sklearn.cluster.HDBSCAN", "sklearn.cluster.OPTICS", "sklearn.cluster.AgglomerativeClustering", "sklearn.isotonic.",
    "sklearn.kernel_ridge.", "sklearn.covariance.EmpiricalCovariance", "sklearn.covariance.LedoitWolf", "sklearn.cross_decomposition.",
    "sklearn.model_selection.ParameterGrid", "sklearn.model_selection.LeaveOne", "sklearn.model_selection.GroupKFold",
    "sklearn.model_selection.TimeSeriesSplit", "sklearn.model_selection.PredefinedSplit", "sklearn.feature_selection.SelectKBest",
    "sklearn.feature_selection.VarianceThreshold", "sklearn.feature_selection.f_", "sklearn.feature_selection.chi2",
    "sklearn.feature_selection.SelectPercentile", "sklearn.manifold.Isomap", "sklearn.exceptions.", "sklearn.show_versions",
    "scipy.linalg.", "scipy.integrate.", "scipy.interpolate.", "scipy.sparse.", "scipy.special.", "scipy.spatial.",
    "scipy.signal.", "scipy.io.", "scipy.constants.", "scipy.fft.", "scipy.ndimage.", "scipy.optimize.", "scipy.stats.", "scipy.cluster.hierarchy.",
    "scipy.misc.", "scipy.datasets.", "scipy.cluster.vq.whiten", "scipy.cluster.vq.vq",
    "nltk.tokenize.", "nltk.corpus.", "nltk.stem.", "nltk.download", "nltk.word_tokenize", "nltk.sent_tokenize", "nltk.pos_tag",
    "keras.utils.to_categorical", "tensorflow.keras.utils.to_categorical", "tensorflow.config.", "tensorflow.constant",
    "tensorflow.convert_to_tensor", "tensorflow.cast", "tensorflow.reduce_", "tensorflow.reshape", "tensorflow.math.", "tensorflow.zeros",
    "tensorflow.ones", "tensorflow.matmul", "tensorflow.keras.backend.clear_session", "transformers.logging.", "transformers.AutoTokenizer",
)  # fmt: skip

#: Of the steady parts, those that do draw.
DRAWING_PREFIXES = (
    "sklearn.preprocessing.QuantileTransformer", "sklearn.preprocessing.KBinsDiscretizer", "sklearn.preprocessing.quantile_transform",
    "sklearn.neighbors.NeighborhoodComponentsAnalysis", "sklearn.linear_model.RidgeClassifierCV", "sklearn.metrics.silhouette_score",
    "sklearn.feature_extraction.image.PatchExtractor", "sklearn.feature_extraction.image.extract_patches_2d",
    "scipy.sparse.random", "scipy.sparse.rand", "scipy.sparse.linalg.", "scipy.linalg.interpolative", "scipy.linalg.clarkson_woodruff_transform",
    "scipy.optimize.differential_evolution", "scipy.optimize.basinhopping", "scipy.optimize.dual_annealing", "scipy.optimize.quadratic_assignment",
    "scipy.spatial.transform.Rotation.random", "scipy.stats.bootstrap", "scipy.stats.permutation_test", "scipy.stats.monte_carlo_test",
    "scipy.stats.goodness_of_fit", "scipy.stats.power", "scipy.stats.qmc.", "scipy.stats.sampling.", "scipy.stats.multivariate_normal.cdf",
    "scipy.stats.multivariate_t.cdf", "scipy.stats.multiscale_graphcorr", "seaborn.stripplot", "seaborn.catplot", "seaborn.regplot", "seaborn.lmplot",
    "statsmodels.tsa.arima_process.arma_generate_sample", "statsmodels.tsa.api.arma_generate_sample", "statsmodels.api.tsa.arma_generate_sample",
)  # fmt: skip

#: Functions of networkx with these in their names draw; the others do not.
DRAWING_GRAPHS = word_set("""
    random gnp gnm erdos renyi watts strogatz barabasi powerlaw spring_layout spring fruchterman swap sample shuffle geographical
    stochastic block_model planted caveman windmill configuration duplication scale_free geometric expected_degree dorogovtsev
    internet_as kleinberg navigable simulated annealing threshold_accepting louvain label_propagation asyn_fluid girvan community
    lattice_reference small_world sigma omega rewire edge_swap walk voterank draw betweenness approximat soft regular
""")

#: What is made of other estimators draws only if one of them does.
COMPOSED = word_set("""
    make_pipeline make_column_transformer make_column_selector make_union Pipeline ColumnTransformer FeatureUnion GridSearchCV
    VotingClassifier VotingRegressor TransformedTargetRegressor MultiOutputClassifier MultiOutputRegressor OneVsRestClassifier
    OneVsOneClassifier CalibratedClassifierCV SelectFromModel RFE RFECV FunctionTransformer StackingClassifier StackingRegressor
    clone TunedThresholdClassifierCV FixedThresholdClassifier FrozenEstimator
""")
#: Functions that fit the estimator they are given: they draw if it does, or if the splitter does.
FITTING = word_set(
    "cross_val_score cross_validate cross_val_predict learning_curve validation_curve permutation_test_score"
)

#: Methods that draw whoever they belong to, and those that may draw where nobody knows whose they are.
ALWAYS_DRAWING = word_set("rvs simulate bootstrap random_state_sample generate_sample")
DRAWING_METHODS = word_set(
    "sample shuffle permutation fit fit_transform fit_predict partial_fit fit_resample split_and_fit"
)
#: Methods of estimators that never draw.
NON_DRAWING_METHODS = word_set("""
    predict predict_proba predict_log_proba decision_function score score_samples transform inverse_transform pdf cdf ppf sf isf logpdf
    logcdf pmf logpmf mean std var median interval stats expect entropy moment kneighbors apply decision_path summary forecast
    conf_int append add remove items keys values plot show copy staged_predict staged_predict_proba cost_complexity_pruning_path
    to_dict query evaluate isna dropna
""")

#: What torch's tensors and modules do without a generator.
TORCH_DRAWING = word_set("""
    normal bernoulli multinomial poisson dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout shuffle randperm
    random_split gumbel_softmax rrelu DataLoader
""")
TORCH_METHODS = word_set(
    "normal_ uniform_ random_ bernoulli_ exponential_ cauchy_ log_normal_ geometric_ bernoulli multinomial rsample forward"
)
