# The image is the static binary and nothing else: no shell, no libraries.
# Build the binary first: make bin/caseharden (or make image, which does both).
FROM scratch
COPY bin/caseharden /caseharden
USER 10001:10001
ENTRYPOINT ["/caseharden"]
CMD ["serve"]
