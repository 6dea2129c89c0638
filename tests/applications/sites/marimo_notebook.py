import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    return (mo,)


@app.cell
def _(mo):
    mo.md("# Größe: " + str(6 * 7))
    return


if __name__ == "__main__":
    app.run()
