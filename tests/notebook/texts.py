"""Text notebooks of every form, each with a name that nothing makes in one known line: `LOST`."""

from __future__ import annotations

PERCENT = """\
# ---
# jupyter:
#   kernelspec:
#     name: python3
#     display_name: Python 3
#   kfnb:
#     name: trainer
# ---

# %% [markdown]
# # Title
# x = [1, 2]

# %% tags=["parameters"]
n = 3

# %% Load it tags=["step:load"]
# %matplotlib inline
x = [1, 2]

# %% {"kfnb": {"step": "middle"}}
text = '''
# %% no cell
'''
print(text, x)

# %%
# %%component use --cpu 1
print(sum(x), n)
print(lost)
"""

MARKS_ALONE = '''\
"""A script."""
import math

# %%parameters
n = 2

# %%component load --cpu 1
x = [math.sqrt(n)]

# %%component use
print(sum(x))
print(lost)
'''

TITLES = """\
# %% Load
x = [1, 2]
#%% Use it
print(sum(x))
print(lost)
"""

NBCONVERT = """\
#!/usr/bin/env python
# coding: utf-8

# # Load

# In[1]:


x = [1, 2]


# # Use
# And more.

# In[ ]:


get_ipython().run_line_magic('matplotlib', 'inline')
print(sum(x))
print(lost)
"""

LIGHT = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: light
# ---

# # Load

x = [1, 2]

# + tags=["step:use"]
print(sum(x))

print(lost)
# -
"""

DATABRICKS = """\
# Databricks notebook source
# MAGIC %md
# MAGIC # Load

# COMMAND ----------

x = [1, 2]

# COMMAND ----------

# MAGIC %sql
# MAGIC select 1

# COMMAND ----------

# MAGIC %md # Use

# COMMAND ----------

# DBTITLE 1,Sum it
print(sum(x))
print(lost)
"""

MARIMO = '''\
import marimo

__generated_with = "0.10"
app = marimo.App(width="medium")

with app.setup:
    import math


@app.cell
def use(x):
    # It stands before what it reads.
    print(sum(x))
    print(lost)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""# Title""")
    return


@app.cell
def load():
    x = [1, math.floor(2.5)]
    return (x,)


@app.cell
def _():
    import marimo as mo
    return (mo,)


if __name__ == "__main__":
    app.run()
'''

MARKDOWN = """\
---
title: My notes
kfnb:
  name: from-md
---

# Load

Some text, and `x = [1, 2]`.

```python
x = [1, 2]
```

# Use

```python
print(sum(x))
print(lost)
```
"""

FENCE_MARKS = """\
# A

```python tags=["step:load"]
x = [1, 2]
```

```python
# %%component use
print(sum(x))
print(lost)
```
"""

MYST = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  name: python3
  display_name: Python 3
kfnb:
  name: mysty
---

# Title

```{code-cell} ipython3
:tags: [step:load]

x = [1, 2]
```

```{code-cell} ipython3
---
tags: [step:use]
---
print(sum(x))
print(lost)
```
"""

QUARTO = """\
---
title: Q
jupyter: python3
kfnb:
  name: quarto-one
---

## Load

```{python}
#| label: load
#| tags: [step:load]
x = [1, 2]
```

```{python}
#| eval: false
boom()
```

```{python}
#| tags: "step:use"
print(sum(x))
print(lost)
```
"""

R_MARKDOWN = """\
---
title: R
---

```{python load, tags=c("step:load")}
x = [1, 2]
```

```{python, tags=c("step:use")}
print(sum(x))
print(lost)
```
"""

#: By file name: the text, and the steps that it becomes.
TEXTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "percent.py": (PERCENT, ("load", "middle", "use")), "marks.py": (MARKS_ALONE, ("load", "use")), "titles.py": (TITLES, ("load", "use-it")),
    "nbconvert.py": (NBCONVERT, ("load", "use")), "light.py": (LIGHT, ("use",)), "databricks.py": (DATABRICKS, ("load", "use")),
    "marimo.py": (MARIMO, ("load", "use")), "markdown.md": (MARKDOWN, ("load", "use")), "fences.md": (FENCE_MARKS, ("load", "use")),
    "myst.md": (MYST, ("load", "use")), "quarto.qmd": (QUARTO, ("load", "use")), "r.Rmd": (R_MARKDOWN, ("load", "use")),
}  # fmt: skip
