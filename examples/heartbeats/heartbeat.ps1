# Reports a run to tickd. Needs Windows PowerShell 5.1 or PowerShell 7, and PING_URL.
$ErrorActionPreference = 'Stop'
[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
$Rid = [guid]::NewGuid()

# Throws nothing: a report that is lost must not fail the run.
function Send-Ping([string]$Path, [string]$Text = '', [int]$Tries = 3) {
    for ($attempt = 1; $attempt -le $Tries; $attempt++) {
        try {
            $null = Invoke-RestMethod -Uri "$($env:PING_URL)$($Path)?rid=$Rid" -Method Post -Body $Text -ContentType 'text/plain; charset=utf-8' -TimeoutSec 10 -UseBasicParsing
            return
        } catch {
            Write-Warning "ping: $_"
        }
        if ($attempt -lt $Tries) { Start-Sleep -Seconds $attempt }
    }
}

Send-Ping '/start' -Tries 1
try {
    Write-Output '42 files saved'
    # A program tells by its exit status, which PowerShell does not look at by itself:
    #   & C:\Scripts\backup.exe
    #   if ($LASTEXITCODE -ne 0) { throw "backup.exe ended with $LASTEXITCODE" }
} catch {
    Send-Ping '/fail' "$_"
    throw
}
Send-Ping '/0'
