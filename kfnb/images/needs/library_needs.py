"""What libraries import only when something of them is used. A package's own metadata does not say it, or says it as an extra.

A need is a text of modules. ``a b`` are two modules that are both needed. ``a|b`` is the first of the two that the notebook's environment
has, because the library takes the first that it finds. A library need not be named when the call is enough.
"""

from __future__ import annotations

IMPORTS = {
    "dask.array": "numpy",
    "dask.dataframe": "pandas pyarrow",
    "hvplot.pandas": "pandas",
    "keras": "tensorflow|jax|torch",
    "optuna.visualization": "plotly",
    "optuna.visualization.matplotlib": "matplotlib",
    "plotly.express": "numpy pandas",
    "plotly.figure_factory": "numpy",
    "pylab": "matplotlib",
    "shap.plots": "matplotlib",
    "sqlalchemy.ext.asyncio": "greenlet",
    "torch.utils.tensorboard": "tensorboard",
    "tqdm.notebook": "ipywidgets IPython",
    "umap.plot": "matplotlib pandas datashader bokeh holoviews skimage",
}
"""Modules, each with what importing it needs."""

CALLS = {
    "bs4": {"BeautifulSoup features": "lxml|html5lib"},
    "geopandas": {"*.explore": "folium matplotlib mapclassify"},
    "httpx": {"* http2": "h2"},
    "lightgbm": {"LGBM*": "sklearn", "plot_*": "matplotlib", "create_tree_digraph": "graphviz"},
    "networkx": {
        "draw*": "matplotlib", "*_layout": "numpy", "pagerank": "scipy", "to_numpy*": "numpy", "from_numpy*": "numpy",
        "to_scipy*": "scipy", "from_scipy*": "scipy", "to_pandas*": "pandas", "from_pandas*": "pandas", "*adjacency*": "scipy",
        "*laplacian*": "scipy", "*spectrum": "scipy",
    },
    "pandas": {
        "read_excel": "openpyxl", "ExcelFile": "openpyxl", "ExcelWriter": "xlsxwriter|openpyxl", "read_parquet": "pyarrow|fastparquet",
        "read_feather": "pyarrow", "read_orc": "pyarrow", "read_html": "lxml|bs4 lxml|html5lib", "read_xml": "lxml", "read_hdf": "tables",
        "HDFStore": "tables", "read_sql*": "sqlalchemy", "read_spss": "pyreadstat", "read_gbq": "pandas_gbq",
        "scatter_matrix": "matplotlib", "* convert_dtypes": "pyarrow",
    },
    "plotly": {"*.write_image": "kaleido", "*.to_image": "kaleido", "scatter trendline": "statsmodels", "data.*": "pandas"},
    "polars": {
        "read_excel": "fastexcel", "read_database*": "sqlalchemy", "from_pandas": "pandas pyarrow", "from_arrow": "pyarrow", "from_numpy": "numpy",
    },
    "rich": {"pretty.install": "IPython", "traceback.install": "IPython"},
    "scipy": {"datasets.*": "pooch"},
    "seaborn": {"clustermap": "scipy", "kdeplot": "scipy", "residplot": "statsmodels", "* lowess": "statsmodels", "* logistic": "statsmodels", "* robust": "statsmodels"},
    "shap": {"*_plot": "matplotlib", "plots.*": "matplotlib"},
    "skimage": {"data.*": "pooch"},
    "sklearn": {
        "* as_frame": "pandas", "fetch_openml": "pandas", "plot_tree": "matplotlib", "*Display.from_*": "matplotlib",
        "load_sample_image*": "PIL", "fetch_lfw*": "PIL",
    },
    "spacy": {"displacy.*": "IPython"},
    "sympy": {"plot*": "matplotlib", "lambdify": "numpy"},
    "tqdm": {"*.pandas": "pandas"},
    "transformers": {"Auto*Model*": "torch|tensorflow|jax", "AutoModel*": "torch|tensorflow|jax", "pipeline": "torch|tensorflow|jax", "Trainer": "torch accelerate", "TrainingArguments": "torch accelerate", "* device_map": "accelerate", "* load_in_8bit": "bitsandbytes", "* load_in_4bit": "bitsandbytes"},
    "xarray": {
        "open_dataset": "netCDF4|h5netcdf|scipy", "load_dataset": "netCDF4|h5netcdf|scipy", "open_mfdataset": "dask netCDF4|h5netcdf|scipy",
        "open_zarr": "zarr", "* chunks": "dask", "tutorial.*": "pooch netCDF4|h5netcdf|scipy",
    },
    "xgboost": {"XGB*": "sklearn", "plot_importance": "matplotlib", "plot_tree": "matplotlib graphviz", "to_graphviz": "graphviz"},
}  # fmt: skip
"""Libraries, each with its functions and classes and what they need.

A name is a pattern for the end of the full name. A word after it is a keyword that the call must have, with another value than ``None``
or ``False``. Such a pattern counts for methods too, when the library is one of those that the pipeline imports.
"""

METHODS = {
    "explore": {"geopandas": "folium matplotlib mapclassify"},
    "boxplot": {"pandas": "matplotlib"},
    "hist": {"pandas": "matplotlib"},
    "plot": {"pandas": "matplotlib", "geopandas": "matplotlib", "xarray": "matplotlib", "sklearn": "matplotlib", "statsmodels": "matplotlib", "prophet": "matplotlib", "sympy": "matplotlib", "polars": "altair"},
    "plot_diagnostics": {"statsmodels": "matplotlib"},
    "plot_components": {"prophet": "matplotlib"},
    "background_gradient": {"pandas": "jinja2 matplotlib"},
    "style": {"pandas": "jinja2"},
    "to_excel": {"pandas": "xlsxwriter|openpyxl"},
    "to_feather": {"pandas": "pyarrow"},
    "to_gbq": {"pandas": "pandas_gbq"},
    "to_hdf": {"pandas": "tables"},
    "to_latex": {"pandas": "jinja2"},
    "to_markdown": {"pandas": "tabulate"},
    "to_netcdf": {"xarray": "netCDF4|h5netcdf|scipy"},
    "to_orc": {"pandas": "pyarrow"},
    "to_pandas": {"polars": "pandas pyarrow", "datasets": "pandas", "pyarrow": "pandas"},
    "to_parquet": {"pandas": "pyarrow|fastparquet"},
    "to_sql": {"pandas": "sqlalchemy"},
    "to_xarray": {"pandas": "xarray"},
    "to_xml": {"pandas": "lxml"},
    "to_zarr": {"xarray": "zarr"},
    "to_dataframe": {"xarray": "pandas", "google.cloud.bigquery": "pandas db_dtypes"},
    "to_arrow": {"polars": "pyarrow"},
    "to_numpy": {"polars": "numpy"},
    "to_image": {"plotly": "kaleido"},
    "write_image": {"plotly": "kaleido"},
    "write_excel": {"polars": "xlsxwriter"},
}  # fmt: skip
"""Methods and attributes of objects, by the libraries of which one must be among those that the pipeline imports."""

KEYWORDS = {
    "backend": {"dask": "dask", "h5netcdf": "h5netcdf", "hvplot": "hvplot", "numba": "numba", "plotly": "plotly", "ray": "ray"},
    "dtype_backend": {"pyarrow": "pyarrow"},
    "engine": {
        "calamine": "python_calamine", "cfgrib": "cfgrib", "fastparquet": "fastparquet", "h5netcdf": "h5netcdf", "kaleido": "kaleido",
        "netcdf4": "netCDF4", "numba": "numba", "numexpr": "numexpr", "odf": "odf", "openpyxl": "openpyxl", "pyarrow": "pyarrow",
        "pyogrio": "pyogrio", "fiona": "fiona", "pyxlsb": "pyxlsb", "rasterio": "rasterio", "xlrd": "xlrd", "xlsxwriter": "xlsxwriter", "zarr": "zarr",
    },
    "features": {"html5lib": "html5lib", "lxml": "lxml", "lxml-xml": "lxml", "xml": "lxml"},
    "flavor": {"bs4": "bs4 html5lib", "html5lib": "bs4 html5lib", "lxml": "lxml"},
    "method": {"kendall": "scipy", "spearman": "scipy", "spline": "scipy", "polynomial": "scipy", "cubic": "scipy", "akima": "scipy", "pchip": "scipy"},
    "parser": {"etree": "", "lxml": "lxml"},
    "kind": {"density": "scipy", "kde": "scipy"},
    "transform": {"pandas": "pandas", "polars": "polars"},
    "transform_output": {"pandas": "pandas", "polars": "polars"},
    "trendline": {"lowess": "statsmodels", "ols": "statsmodels"},
    "win_type": {"*": "scipy"},
}  # fmt: skip
"""Keywords of any call, each with its values."""

POSITIONAL = {("BeautifulSoup", 1): "features"}
"""Arguments that stand for a keyword: the function and the position."""

SCHEMES = {
    "abfs": "adlfs", "abfss": "adlfs", "az": "adlfs", "gcs": "gcsfs", "gs": "gcsfs", "hf": "huggingface_hub", "s3": "s3fs", "s3a": "s3fs",
    "sftp": "paramiko", "adl": "adlfs",
    "access+pyodbc": "sqlalchemy_access pyodbc", "bigquery": "sqlalchemy_bigquery", "clickhouse": "clickhouse_sqlalchemy",
    "clickhousedb": "clickhouse_connect", "cockroachdb": "sqlalchemy_cockroachdb psycopg2", "databricks": "databricks.sqlalchemy",
    "db2": "ibm_db_sa", "duckdb": "duckdb_engine", "hive": "pyhive", "ibm_db_sa": "ibm_db_sa", "mariadb+mariadbconnector": "mariadb",
    "mariadb+pymysql": "pymysql", "mssql": "pyodbc", "mssql+pymssql": "pymssql", "mssql+pyodbc": "pyodbc", "mysql": "MySQLdb",
    "mysql+aiomysql": "aiomysql", "mysql+asyncmy": "asyncmy", "mysql+mysqlconnector": "mysql", "mysql+mysqldb": "MySQLdb", "mysql+pymysql": "pymysql",
    "oracle": "oracledb|cx_Oracle", "oracle+cx_oracle": "cx_Oracle", "oracle+oracledb": "oracledb", "postgres": "psycopg2",
    "postgresql": "psycopg2", "postgresql+asyncpg": "asyncpg", "postgresql+pg8000": "pg8000", "postgresql+psycopg": "psycopg",
    "postgresql+psycopg2": "psycopg2", "presto": "pyhive", "redshift": "sqlalchemy_redshift psycopg2", "redshift+redshift_connector": "sqlalchemy_redshift redshift_connector",
    "snowflake": "snowflake.sqlalchemy", "sqlite+aiosqlite": "aiosqlite", "trino": "trino", "vertica+vertica_python": "sqlalchemy_vertica vertica_python",
}  # fmt: skip
"""Schemes of addresses in texts."""

SUFFIXES = {
    ".feather": "pyarrow", ".ods": "odf", ".orc": "pyarrow", ".xls": "xlrd", ".xlsb": "pyxlsb", ".zst": "zstandard",
}  # fmt: skip
"""Ends of texts in a pipeline that uses pandas."""

COMPANIONS = {
    "pandas": ("pyarrow", "bottleneck", "numexpr"),
    "seaborn": ("scipy", "statsmodels"),
    "tqdm": ("ipywidgets",),
}
"""Libraries that do something else when another one can be imported too. Where one step has both, every step has both, or none."""
