package main
import ("context";"fmt";"os";"time";"flag"
"github.com/caseharden/caseharden/e2e/bench/direct"
"github.com/caseharden/caseharden/e2e/bench/servers")
func main(){
 rounds:=flag.Int("rounds",3,""); d:=flag.Duration("d",300*time.Millisecond,"")
 flag.Parse()
 ctx:=context.Background()
 b,err:=servers.Compile(ctx,os.Stderr); if err!=nil{panic(err)}
 dir,_:=os.MkdirTemp("","zz")
 r,err:=direct.Run(ctx,b,direct.Options{Rounds:*rounds,Duration:*d,Clients:8,Corpus:os.Getenv("CORPUS"),Dir:dir,Log:os.Stderr})
 if err!=nil{panic(err)}
 for i,n:=range r.Servers { fmt.Printf("%-20s start %.0f ms idle %.1f MiB\n",n,r.Idle[i].Start.Median,r.Idle[i].Memory.Median)}
 for _,k:=range r.Kinds { for i,s:=range k.Servers { fmt.Printf("%-15s %8d %-20s cpu %9.1f µs ratio %6.2f  %8.0f/s p50 %7.2f p99 %7.2f peak %6.1f\n",k.Name,k.Bytes,r.Servers[i],s.CPU.Median,s.Ratio.Median,s.Throughput.Median,s.P50.Median,s.P99.Median,s.Peak.Median)}}
}
