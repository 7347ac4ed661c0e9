package openapi

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

const small = `
openapi: 3.1.0
info: {title: Doors, description: All of them.}
paths:
  /z/{id}:
    post:
      summary: Open one
      description: Slowly.
      security: [{key: []}]
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      requestBody:
        content:
          application/json:
            schema: {$ref: "#/components/schemas/Push"}
      responses:
        "204": {description: Open}
        "404": {$ref: "#/components/responses/Missing"}
  /a:
    get:
      summary: Look
      responses:
        "200":
          description: A door
          content: {application/json: {schema: {type: object, properties: {hinges: {type: array, items: {$ref: "#/components/schemas/Hinge"}}, at: {type: string, format: date-time}, n: {type: integer}, shut: {type: boolean}, kind: {enum: [in, out]}, is: {const: door}, all: {type: array}}}}}
components:
  securitySchemes: {key: {type: http, scheme: bearer}}
  schemas:
    Push: {type: object, required: [force], properties: {force: {type: number, description: In newtons}, hand: {$ref: "#/components/schemas/Hand"}}}
    Hand: {type: object, description: Left or right, properties: {glove: {type: object, required: [size], properties: {size: {type: integer}}}}}
    Hinge: {type: object, properties: {creaks: {type: boolean}}}
  responses:
    Missing: {description: No such door, content: {application/problem+json: {schema: {type: object, properties: {detail: {type: string}}}}}}
`

func TestParse(t *testing.T) {
	got, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	want := Document{Title: "Doors", Text: "All of them.", Refusal: []Field{{Name: "detail", Type: "text"}}, Operations: []Operation{
		{Method: "POST", Path: "/z/{id}", Summary: "Open one", Text: "Slowly.", Shows: []string{"bearer"},
			Fields: []Field{{"id", "text", "", true, nil}, {"force", "number", "In newtons", true, nil}, {"hand", "object", "Left or right", false, []Field{
				{"glove", "object", "", false, []Field{{"size", "number", "", true, nil}}}}}},
			Answers: []Answer{{Status: "204", Text: "Open"}, {Status: "404", Text: "No such door", Refused: true}}},
		{Method: "GET", Path: "/a", Summary: "Look", Answers: []Answer{{"200", "A door", false, []Field{
			{"hinges", "list of objects", "", false, []Field{{"creaks", "yes or no", "", false, nil}}},
			{"at", "time", "", false, nil}, {"n", "number", "", false, nil}, {"shut", "yes or no", "", false, nil}, {"kind", "in, out", "", false, nil}, {"is", "always door", "", false, nil}, {"all", "list", "", false, nil},
		}}}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v\nwant %+v", got, want)
	}
	for _, broken := range []string{"\t", strings.Replace(small, "responses/Missing\"", "responses/Gone\"", 1), strings.Replace(small, "schemas/Push\"", "schemas/Gone\"", 1), strings.Replace(small, "schemas/Hand\"", "schemas/Gone\"", 1),
		strings.Replace(small, "schemas/Hinge\"", "schemas/Gone\"", 1), strings.Replace(small, "creaks: {type: boolean}", "creaks: {$ref: \"#/components/schemas/Hinge\"}", 1)} {
		if _, err := Parse([]byte(broken)); err == nil {
			t.Errorf("read in spite of %.20q", broken)
		}
	}
}

// The service's own description is read whole.
func TestParseOurs(t *testing.T) {
	text, err := os.ReadFile("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range d.Operations {
		if o.Summary == "" || len(o.Answers) == 0 {
			t.Errorf("%s %s says too little", o.Method, o.Path)
		}
	}
	if len(d.Operations) < strings.Count(string(text), "\n  /api/") {
		t.Errorf("only %d operations", len(d.Operations))
	}
}
