/** The names of the engines of clusters. */
export const ENGINE_NAMES: Record<string, string> = { argo: 'Argo Workflows', kfp: 'Kubeflow Pipelines' };
