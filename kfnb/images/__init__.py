"""Images of steps, and what goes into them.

``needs`` finds what each step needs: packages in the versions of the notebook's environment, and modules and files beside the notebook.
``locks`` keeps these packages with the hashes of their files. Begin with ``needs/step_requirements.py``.
"""
