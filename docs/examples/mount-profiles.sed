# For deploy/caseharden.yaml: the webhook reads the profiles of the ConfigMap
# caseharden-profiles.
/^        - --log-format=json/a\
\        - --profiles=/profiles
/^        - {name: tls, mountPath:/a\
\        - {name: profiles, mountPath: /profiles, readOnly: true}
/^          secretName: caseharden-tls/a\
\      - name: profiles\
\        configMap: {name: caseharden-profiles}
